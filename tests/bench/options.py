#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The command line of weir-bench: help, what it refuses, and that it leaves nothing behind.

    options.py PROGRAM
"""

import glob
import os
import signal
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'examples'))
from private_redis import PrivateRedis, wait_for  # noqa: E402 # pylint: disable=wrong-import-position

PROGRAM = sys.argv.pop()


def run(*arguments, **options):
    process = subprocess.run([PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
                             check=False, **options)
    return process.returncode, process.stdout.decode(), process.stderr.decode()


def subcommands():
    """Those that the help lists."""
    lines = run('--help')[1].split('subcommands:\n')[1].split('\n\n')[0].split('\n')
    return [line.split()[0] for line in lines]


class Options(unittest.TestCase):
    def assert_refused(self, words, *arguments):
        code, out, err = run(*arguments)
        self.assertEqual(code, 2, err)
        self.assertEqual(out, '')
        self.assertTrue(err.startswith('weir-bench: '), err)
        self.assertIn(words, err)

    def test_help(self):
        code, out, _ = run('--help')
        self.assertEqual(code, 0)
        self.assertIn('examples:', out)
        self.assertIn('limit', subcommands())
        for name in subcommands():
            with self.subTest(name=name):
                code, out, _ = run(name, '--help')
                self.assertEqual(code, 0)
                self.assertIn('usage: weir-bench ' + name, out)
                self.assertIn('examples:', out)

    def test_what_is_refused(self):
        for words, *arguments in [
                ('which subcommand?',),
                ('no subcommand "fly"', 'fly'),
                ('no option --fast', 'limit', '--fast'),
                ('--jobs needs a value', 'limit', '--jobs'),
                ('--jobs needs a value', 'limit', '--jobs='),
                ('--url needs a value', 'limit', '--url', ''),
                ('--threads means nothing to limit', 'limit', '--threads', '3'),
                ('--payload 2 is less than one byte for each of the 3 fields', 'limit', '--payload', '2'),
                ('leave one of them out', 'limit', '--url', 'redis://127.0.0.1', '--unix'),
                ('leave out --unix', 'limit', '--delay-us', '5', '--unix')]:
            with self.subTest(arguments=arguments):
                self.assert_refused(words, *arguments)
        for number in ['0', '-1', '1x', '', 'x', ' 1', '1.5', '18446744073709551616', '1000000001']:
            with self.subTest(number=number):
                self.assert_refused('--jobs', 'limit', f'--jobs={number}')

    def test_a_server_that_is_not_there(self):
        for url in ['unix:///nonexistent/redis.sock', 'redis://127.0.0.1:1', 'http://x', 'rediss://127.0.0.1:1']:
            with self.subTest(url=url):
                code, out, err = run('limit', '--url', url)
                self.assertEqual((code, out), (1, ''))
                self.assertTrue(err.startswith('weir-bench: '), err)
                self.assertIn('--url', err)

    def test_redis_server_is_missing(self):
        code, _, err = run('limit', env={**os.environ, 'WEIR_BENCH_REDIS_SERVER': '/nonexistent/server'})
        self.assertEqual(code, 1)
        self.assertIn('install redis-server', err)


class NothingIsLeft(unittest.TestCase):
    def test_private_server(self):
        with tempfile.TemporaryDirectory(prefix='w', dir='/tmp') as directory:
            code, _, err = run('limit', '--quick', env={**os.environ, 'TMPDIR': directory})
            self.assertEqual((code, err), (0, ''))
            self.assertEqual(glob.glob(directory + '/*'), [])

    def test_named_server(self):
        with PrivateRedis() as redis:
            redis('SET', 'mine', '1')
            code, _, err = run('limit', '--quick', '--url', redis.url)
            self.assertEqual((code, err), (0, ''))
            self.assertEqual(redis('KEYS', '*'), [b'mine'])

    def test_interrupted(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number=number), PrivateRedis() as redis:
                redis('SET', 'mine', '1')
                bench = subprocess.Popen([PROGRAM, 'limit', '--jobs', '1000000', '--url', redis.url],
                                         stdout=subprocess.PIPE)
                wait_for(lambda r=redis: len(r('KEYS', 'weir-bench:*')) > 0, 'keys of the benchmark')
                bench.send_signal(number)
                out, _ = bench.communicate(timeout=60)
                self.assertEqual((bench.returncode, out), (128 + number, b''))
                self.assertEqual(redis('KEYS', '*'), [b'mine'])


unittest.main()
