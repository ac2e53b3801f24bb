#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The comparison with other job queues: its script with weir alone, that it believes no peer without looking, and what
it writes. None of the peers is needed.

    peers.py ROOT WEIR_PEER
"""

import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'examples'))
from private_redis import PrivateRedis  # noqa: E402 # pylint: disable=wrong-import-position

WEIR_PEER = sys.argv.pop()
ROOT = sys.argv.pop()
PEERS = os.path.join(ROOT, 'bench', 'peers')
sys.path.insert(0, PEERS)
import chart  # noqa: E402 # pylint: disable=wrong-import-position,import-error
import report  # noqa: E402 # pylint: disable=wrong-import-position,import-error

NAMES = ['weir', 'flowd', 'bullmq', 'asynq', 'sidekiq', 'taskiq']
ENVIRONMENT = {**os.environ, 'WEIR_PEER': WEIR_PEER}

# A peer in a few lines: a list of its own, and one line of JSON. CASE says what it does wrong.
FAKE = r'''#!/usr/bin/env bash
mode=$1 socket=${3##*@} jobs=$5 case=CASE
socket=${socket#unix://}
cli() { redis-cli -s "$socket" "$@" >/dev/null; }
if [ "$mode" = enqueue ]; then
    [ "$case" = liar ] || cli EVAL 'for i = 1, ARGV[1] do redis.call("RPUSH", KEYS[1], i) end' 1 fake "$jobs"
else
    [ "$case" != broken ] || { echo "no answer from redis://10.0.0.1:1 in /some/where/file.c" >&2; exit 3; }
    [ "$case" != hanging ] || read -r < <(tail -f /dev/null)
    cli LPOP fake "$jobs"
    [ "$case" != forgetful ] || cli RPUSH fake one
    [ "$case" != lazy ] || jobs=$((jobs - 1))
fi
echo "{\"peer\": \"$case\", \"version\": \"1\", \"mode\": \"$mode\", \"jobs\": $jobs, \"seconds\": 1, \"per_s\": SPEED," \
    "\"cpu_us_per_job\": 2.5}"
'''
FACTS = {'language': 'bash', 'delivery': 'at most once', 'goal': 2, 'enqueue': [{}], 'consume': [{}],
         'waiting': [['LLEN', 'fake']], 'left': [['LLEN', 'fake']]}


def run(*command, **options):
    process = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                             timeout=150, env=ENVIRONMENT, text=True, **options)
    return process.returncode, process.stdout, process.stderr


def read(*path):
    with open(os.path.join(*path), encoding='utf-8') as file:
        return file.read()


def script(*arguments):
    return run(os.path.join(ROOT, 'scripts', 'bench-peers'), *arguments)


class Script(unittest.TestCase):
    def test_help(self):
        code, out, _ = script('--help')
        self.assertEqual(code, 0)
        for word in NAMES + ['--jobs', '--runs', '--payload', '--out']:
            self.assertIn(word, out)

    def test_refuses(self):
        for words in (['--jobs', '0'], ['--runs'], ['nobody'], ['--what']):
            with self.subTest(words=words):
                code, out, err = script('--no-install', *words)
                self.assertNotEqual(code, 0)
                self.assertEqual(out, '')
                self.assertTrue(err)

    def test_weir_alone(self):
        with tempfile.TemporaryDirectory() as out:
            code, text, err = script('--no-install', '--jobs', '2000', '--runs', '1', '--out', out, 'weir')
            self.assertEqual(code, 0, err)
            result = json.loads(read(out, 'results.json'))
            self.assertEqual([row['mode'] for row in result['rows']], ['enqueue', 'consume'])
            for row in result['rows']:
                self.assertEqual((row['peer'], row['jobs'], row['runs']), ('weir', 2000, 1))
                self.assertGreater(row['peer_per_s']['median'], 0)
                self.assertGreater(row['cpu_us_per_job'], 0)
                self.assertGreater(row['server_us_per_job'], 0)
            self.assertEqual(result['absent'], [])
            page = read(out, 'performance-peers.md')
            self.assertIn('2,000', page)
            self.assertIn(text.strip(), page)
            ElementTree.fromstring(read(out, 'peers.svg'))


class Program(unittest.TestCase):
    def test_usage(self):
        for words in ([], ['enqueue'], ['what', '--url', 'memory:'], ['consume', '--url', 'memory:', '--jobs', '0']):
            with self.subTest(words=words):
                code, out, err = run(WEIR_PEER, *words)
                self.assertEqual((code, out), (2, ''))
                self.assertIn('usage: weir-peer', err)


class Measure(unittest.TestCase):
    """measure.py with peers that are not what they say."""

    def measure(self, speeds, *options):
        with tempfile.TemporaryDirectory() as folder, PrivateRedis() as redis:
            for name, speed in speeds.items():
                os.mkdir(os.path.join(folder, name))
                with open(os.path.join(folder, name, 'peer.json'), 'w', encoding='utf-8') as file:
                    json.dump({**FACTS, 'title': name.title()}, file)
                path = os.path.join(folder, name, 'run')
                with open(path, 'w', encoding='utf-8') as file:
                    file.write(FAKE.replace('CASE', name).replace('SPEED', str(speed)))
                os.chmod(path, 0o755)
            out = os.path.join(folder, 'out.json')
            code, _, err = run(sys.executable, os.path.join(PEERS, 'measure.py'), '--url', redis.url, '--out', out,
                               '--folder', folder, '--jobs', '1500', *options, *speeds)
            self.assertEqual(code, 0, err)
            return json.loads(read(out))

    def test_ratios_and_what_is_refused(self):
        names = {'honest': 1000, 'liar': 1, 'lazy': 1, 'forgetful': 1, 'broken': 1}
        result = self.measure(names, '--runs', '3', '--seconds', '1', '--absent', 'honest=error: needs /opt/it')
        reasons = {one['title']: one['reason'] for one in result['absent'] if one['title'] != 'Honest'}
        self.assertEqual(reasons, {
            'Liar': '0 jobs were waiting after 1000 had been enqueued',
            'Lazy': 'consume: 999 jobs of 1000 were done',
            'Forgetful': '1 jobs were left',
            'Broken': 'consume ended with exit code 3: no answer from … in …',
        })
        self.assertIn({'peer': 'honest', 'title': 'Honest', 'reason': 'error: needs …'}, result['absent'])
        rows = {(row['peer'], row['mode']): row for row in result['rows']}
        self.assertEqual(sorted(rows), [(name, mode) for name in ('honest', 'weir') for mode in ('consume', 'enqueue')])
        row = rows['honest', 'consume']
        self.assertEqual((row['jobs'], row['runs'], row['goal'], row['cpu_us_per_job']), (1000, 3, 2, 2.5))
        self.assertEqual(row['peer_per_s'], {'min': 1000, 'median': 1000, 'max': 1000})
        for name in ('min', 'median', 'max'):
            self.assertAlmostEqual(row['ratio'][name], row['weir_per_s'][name] / 1000, 2)
        self.assertEqual(rows['weir', 'consume']['jobs'], 1500)

    def test_a_peer_that_hangs_is_ended(self):
        result = self.measure({'hanging': 1}, '--runs', '1', '--limit', '20')
        self.assertEqual([one['reason'] for one in result['absent']], ['consume was not finished after 20 s'])


def row(peer, mode, per_s, **more):
    return {'peer': peer, 'title': peer.title() + ' & Co', 'version': '1.2', 'language': 'C', 'delivery': 'at least once',
            'mode': mode, 'jobs': 12000, 'runs': 3, 'settings': {'concurrency': 5}, 'tried': [],
            'peer_per_s': {'min': per_s * 0.9, 'median': per_s, 'max': per_s * 1.1}, 'cpu_us_per_job': 1.2345,
            'server_us_per_job': 20.25, **more}


def sample():
    tried = [{'settings': {'concurrency': 1}, 'per_s': 10000.0}, {'settings': {'concurrency': 5}, 'per_s': 20560.0}]
    ratio = {'min': 9.4, 'median': 31.62, 'max': 40.1}
    return {
        'bench': 'peers', 'server': {'version': 'Redis 7.0.15', 'persistence': 'none'}, 'date': '2025-01-02',
        'machine': {'cpu': 'Some CPU', 'cpus': 2, 'kernel': '6.1', 'load_at_start': 0.1}, 'payload': 100, 'runs': 3,
        'rows': [row('slow', 'consume', 20567.8, ratio=ratio, goal=30, tried=tried), row('weir', 'consume', 650321.0),
                 row('weir', 'enqueue', 900000.0)],
        'absent': [{'peer': 'gone', 'title': 'Gone', 'reason': 'needs a newer server'}],
    }


class Report(unittest.TestCase):
    def test_tables(self):
        lines = report.tables(sample()).split('\n')
        self.assertIn('### Working off a backlog', lines)
        first = next(number for number, line in enumerate(lines) if line.startswith('| Weir'))
        self.assertEqual(lines[first], '| Weir & Co 1.2 | 650,000 (585,000 … 715,000) |  |  | 1.23 | 20.2 | 12,000 | '
                                       'concurrency 5 |')
        self.assertEqual(lines[first + 1], '| Slow & Co 1.2 | 20,600 (18,500 … 22,600) | 32 (9.4 … 40) | ≥ 30 | 1.23 | '
                                           '20.2 | 12,000 | concurrency 5 |')
        result = sample()
        result['rows'][0]['delivery'] = 'at most once'
        self.assertIn('| Slow & Co 1.2 (at most once) |', report.tables(result))
        self.assertIn('- Gone: needs a newer server', lines)
        self.assertIn('| Slow & Co | working off a backlog | concurrency 5: 20,600; concurrency 1: 10,000 |', lines)
        self.assertLessEqual(max(len(line) for line in lines if not line.startswith('|')), 120)

    def test_a_busy_machine_is_said(self):
        result = sample()
        self.assertNotIn('busy', report.tables(result))
        result['machine']['load_at_start'] = 1.5
        self.assertIn('busy', report.tables(result))

    def test_put_replaces_what_is_between_the_markers(self):
        page = f'before\n{report.BEGIN}\nold\n{report.END}\nafter\n'
        once = report.put(page, 'new')
        self.assertEqual(once, f'before\n{report.BEGIN}\n\nnew\n\n{report.END}\nafter\n')
        self.assertEqual(report.put(once, 'new'), once)
        with self.assertRaises(SystemExit):
            report.put('no markers', 'new')

    def test_the_page_has_markers(self):
        report.put(read(ROOT, 'docs', 'performance-peers.md'), '')


class Picture(unittest.TestCase):
    def test_is_a_picture_of_the_figures(self):
        text = chart.draw(sample())
        root = ElementTree.fromstring(text)
        space = '{http://www.w3.org/2000/svg}'
        dots = [float(dot.get('cx')) for dot in root.iter(space + 'circle')]
        self.assertEqual(len(dots), 3)
        self.assertGreater(dots[0], dots[1])  # the fastest first, and further to the right
        words = ' '.join(''.join(element.itertext()) for element in root.iter(space + 'text'))
        for word in ('Weir & Co', 'Slow & Co', '20,600', '32 ×', '100k', '1M', 'Bulk enqueue'):
            self.assertIn(word, words)
        width, height = float(root.get('width')), float(root.get('height'))
        for element in root.iter():
            self.assertLessEqual(float(element.get('x', element.get('cx', 0))), width)
            self.assertLessEqual(float(element.get('y', element.get('cy', 0))), height)
        self.assertIn('prefers-color-scheme: dark', text)


class Folders(unittest.TestCase):
    def test_each_has_what_is_needed(self):
        self.assertEqual(sorted(NAMES), sorted(os.path.basename(os.path.dirname(path))
                                               for path in glob.glob(os.path.join(PEERS, '*', 'peer.json'))))
        for name in NAMES:
            facts = json.loads(read(PEERS, name, 'peer.json'))
            self.assertTrue(facts['enqueue'] and facts['consume'] and facts['waiting'], name)
            self.assertTrue('group' in facts or facts['left'], name)
            self.assertTrue(os.access(os.path.join(PEERS, name, 'run'), os.X_OK), name)
            self.assertTrue(os.access(os.path.join(PEERS, name, 'install'), os.X_OK), name)
            self.assertTrue(read(PEERS, name, 'README.md').startswith('# '), name)

    def test_locks_pin_and_name_no_host(self):
        locks = {'flowd/Cargo.lock': r'checksum = "\w{64}"', 'bullmq/package-lock.json': r'"integrity": "sha512-',
                 'asynq/go.sum': r' h1:\S{44}', 'taskiq/requirements.txt': r'--hash=sha256:\w{64}'}
        for path, pin in locks.items():
            with self.subTest(path=path):
                text = read(PEERS, path)
                self.assertGreater(len(re.findall(pin, text)), 5)
                for word in ('"resolved"', 'index-url', 'file://', 'proxy'):
                    self.assertNotIn(word, text)


if __name__ == '__main__':
    unittest.main(verbosity=2)
