#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The report is written from what weir-bench prints: tables between the page's markers, pictures that are XML.

    report.py PROGRAM ROOT
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.dom.minidom

ROOT = sys.argv.pop()
PROGRAM = sys.argv.pop()
MACHINE = {'facts': {'processor': 'abacus'}, 'load': 0.1, 'cores': 2}
PEERS = {'rows': [{'peer': 'snail', 'title': 'Snail', 'mode': 'consume', 'goal': 6,
                   'ratio': {'min': 5, 'median': 5.5, 'max': 7}}]}


class Report(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if shutil.which('redis-server') is None:
            print("redis-server isn't installed")
            sys.exit(77)
        cls.results = {}
        for name, *options in [('enqueue', '--threads', '1,16'), ('consume', '--concurrency', '10,100'), ('latency',),
                               ('memory',)]:
            out = subprocess.run([PROGRAM, name, '--quick', '--json', *options], stdout=subprocess.PIPE, check=True)
            cls.results[name] = json.loads(out.stdout.decode())

    def write(self, results, load=0.1):
        """Writes the report; returns the folder it lies in, and the page's text."""
        folder = tempfile.mkdtemp(prefix='weir-report-')
        self.addCleanup(shutil.rmtree, folder)
        os.mkdir(folder + '/results')
        for name, result in {**results, 'machine': {**MACHINE, 'load': load}}.items():
            with open(f'{folder}/results/{name}.json', 'w', encoding='utf-8') as file:
                json.dump(result, file)
        with open(folder + '/peers.json', 'w', encoding='utf-8') as file:
            json.dump(PEERS, file)
        shutil.copy(ROOT + '/docs/performance.md', folder + '/page.md')
        subprocess.run([sys.executable, ROOT + '/bench/report/performance.py', folder + '/results', '--peers',
                        folder + '/peers.json', '--page', folder + '/page.md', '--pictures', folder], check=True)
        with open(folder + '/page.md', encoding='utf-8') as file:
            return folder, file.read()

    def goal(self, page, work):
        """The cells of a line of the table of goals."""
        line = next(line for line in page.split('\n') if line.startswith('| ' + work))
        return [cell.strip() for cell in line.split('|')[2:5]]

    def test_tables(self):
        _, page = self.write(self.results)
        for heading in ['### Enqueue', '### Consume', '### Latency', '### Memory', '### Other job queues']:
            self.assertIn(heading + '\n', page)
        self.assertIn('| processor | abacus |', page)
        self.assertNotIn('Something else was running', page)
        self.assertNotIn('None', page)

    def test_goals(self):
        ratio = {'min': 0.9, 'median': 0.96, 'max': 1.02}
        results = json.loads(json.dumps(self.results))
        next(row for row in results['consume']['rows'] if row['concurrency'] == 100)['ratio'] = ratio
        next(row for row in results['consume']['rows'] if row['concurrency'] == 10)['ratio'] = {**ratio, 'median': 0.899}
        _, page = self.write(results)
        self.assertEqual(self.goal(page, 'consume and ack, concurrency 100,'), ['≥ 0.95', '0.96 (0.90 … 1.02)', 'yes'])
        self.assertEqual(self.goal(page, 'consume and ack, concurrency 10,')[2], '**no**')
        self.assertEqual(self.goal(page, 'consume and ack, concurrency 1000,'), ['≥ 0.95', 'not measured', ''])
        self.assertEqual(self.goal(page, 'against Snail'), ['≥ 6 ×', '5.50 × (5.00 … 7.00)', '**no**'])

    def test_a_busy_machine_is_named(self):
        _, page = self.write(self.results, load=3)
        self.assertIn('Something else was running', page)

    def test_written_twice_is_the_same(self):
        folder, page = self.write(self.results)
        subprocess.run([sys.executable, ROOT + '/bench/report/performance.py', folder + '/results', '--peers',
                        folder + '/peers.json', '--page', folder + '/page.md'], check=True)
        with open(folder + '/page.md', encoding='utf-8') as file:
            self.assertEqual(file.read(), page)

    def test_pictures(self):
        folder, page = self.write(self.results)
        for name in self.results:
            picture = f'performance-{name}.svg'
            self.assertIn(f'({picture})', page)
            self.assertIn('<circle', xml.dom.minidom.parse(f'{folder}/{picture}').toxml())


unittest.main()
