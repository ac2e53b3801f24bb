#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each header of bad/ is refused with exactly the errors of its .expected file, and nothing is written.

    bad.py WEIR-CODEGEN
"""

import os
import re
import subprocess
import sys
import tempfile

BAD = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'bad')
LINE = re.compile(r'[\w.]+:\d+:\d+: error: .+|\w+\.h: error: .+')


def refuse(codegen, name, folder):
    """The error text; the outputs that were there must be untouched, and there must be no others."""
    old = [os.path.join(folder, file) for file in ('out.h', 'out.c', 'depfile')]
    for path in old:
        with open(path, 'w', encoding='utf-8') as file:
            file.write('precious')
    run = subprocess.run([codegen, '-o', old[0], '--depfile', old[2], name], cwd=BAD, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, check=False)
    assert run.returncode == 1, f'{name}: exit code {run.returncode}'
    assert run.stdout == b''
    assert sorted(os.listdir(folder)) == ['depfile', 'out.c', 'out.h'], os.listdir(folder)
    for path in old:
        with open(path, encoding='utf-8') as file:
            assert file.read() == 'precious', path
    return run.stderr.decode()


def main(codegen):
    headers = sorted(name for name in os.listdir(BAD) if name.endswith('.h'))
    assert len(headers) >= 9
    failed = False
    for name in headers:
        with tempfile.TemporaryDirectory() as folder:
            text = refuse(codegen, name, folder)
        with open(os.path.join(BAD, name[:-2] + '.expected'), encoding='utf-8') as file:
            expected = file.read()
        assert all(LINE.fullmatch(line) for line in text.splitlines()), text
        if text != expected:
            failed = True
            print(f'{name}: expected:\n{expected}but it says:\n{text}')
    sys.exit(1 if failed else 0)


main(os.path.abspath(sys.argv[1]))
