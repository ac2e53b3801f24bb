#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs/openapi.yaml is what the control plane does: schemathesis makes requests of all kinds from it, sensible ones and
others, and looks whether the answers are what it says.

    schema.py WORKER     WEIR_SCHEMATHESIS: the program; else `schemathesis` where it is in the PATH
"""

import os
import shutil
import subprocess
import sys

import scene
from scene import Case

SPECIFICATION = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../docs/openapi.yaml')
# A schema can't say how many bytes a text has, nor that a number has to fit into 64 bits: what it calls good need not be.
EXCLUDED = 'positive_data_acceptance'
# Methods that libevent doesn't know it answers by itself, with 501.
CONFIGURATION = '[phases.coverage]\nunexpected-methods = ["PUT", "PATCH", "TRACE", "OPTIONS", "DELETE", "POST"]\n'
EXAMPLES = '5' if 'WEIR_TEST_QUICK' in os.environ else os.environ.get('WEIR_SCHEMATHESIS_EXAMPLES', '25')


class Schema(Case):
    def fill(self):
        """Something of everything, under the names of the specification's examples."""
        self.redis('XGROUP', 'CREATE', 'emails', 'senders', '0', 'MKSTREAM')
        for i in range(30):
            self.redis('XADD', 'emails', f'{i + 1}-1', 'to', 'ada@example.org', 'n', i)
            self.redis('XADD', '{emails}:dead', f'{i + 1}-1', 'n', i, 'weir.reason', 'rejected', 'weir.error', b'no\xff')
        self.redis('XADD', 'emails', '1795310682579-0', 'to', b'\xff')
        self.redis('XADD', '{emails}:dead', '1795310682579-0', 'to', b'\xff')
        self.redis('XREADGROUP', 'GROUP', 'senders', 'web1', 'COUNT', '5', 'STREAMS', 'emails', '>')
        self.redis('ZADD', '{emails}:delayed', '4000000000000', 'mail-17', '+inf', b'odd\xff')
        self.redis('HSET', '{emails}:delayed:jobs', 'mail-17', b'\x97\x00\xcf\x00\x00\x01\xa2\x00\xd2<\xfd\xa0\xa2to\xa1a\xa1b\xa1c')

    def run_against(self, worker, *arguments, excluded=EXCLUDED):
        with open(os.path.join(self.redis.directory, 'schemathesis.toml'), 'w', encoding='utf-8') as file:
            file.write(CONFIGURATION)
        run = subprocess.run([PROGRAM, 'run', SPECIFICATION, '--url', worker.url.rstrip('/'), '--checks', 'all', '--exclude-checks', excluded,
                              '--max-examples', EXAMPLES, '--generation-deterministic',
                              '--request-timeout', str(scene.TIMEOUT_S), '--suppress-health-check', 'all', '--no-color',
                              *arguments], capture_output=True, text=True, check=False, cwd=self.redis.directory)
        words = '\n'.join(line[:500] for line in (run.stdout + run.stderr).splitlines())
        self.assertEqual(run.returncode, 0, words)
        self.assertEqual(worker.get('/health').code, 200)

    def test_with_the_token(self):
        self.fill()
        worker = self.start('--queue', 'jobs')
        self.run_against(worker, '-H', f'Authorization: Bearer {scene.TOKEN}')

    def test_without_any(self):
        self.fill()
        worker = self.start(token=None)
        # whoever needs a token, and there is none, is told so by 403
        self.run_against(worker, excluded=EXCLUDED + ',missing_required_header,ignored_auth')


if __name__ == '__main__':
    PROGRAM = os.environ.get('WEIR_SCHEMATHESIS') or shutil.which('schemathesis')
    if not PROGRAM:
        print('schemathesis is not installed (pip install schemathesis; WEIR_SCHEMATHESIS names it where it is elsewhere):')
        print('whether docs/openapi.yaml is what the control plane does was not tested')
        sys.exit(77)  # skipped
    scene.main()
