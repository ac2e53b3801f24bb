#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What weir-codegen writes is what it is expected to write, byte for byte, twice the same.

    golden.py WEIR-CODEGEN [--update]
"""

import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = [('kinds.h', 'kinds_job', []), ('golden/email.h', 'email_job', ['--prefix', 'my_'])]


def generate(codegen, folder, header, base, options):
    os.makedirs(os.path.join(folder, 'out'))
    for name in ('kinds.h', 'golden'):
        source = os.path.join(HERE, name)
        (shutil.copytree if os.path.isdir(source) else shutil.copy)(source, os.path.join(folder, name))
    run = subprocess.run([codegen, '-o', 'out/' + base, '--depfile', 'out/depfile', *options, header],
                         cwd=folder, stderr=subprocess.PIPE, check=False)
    assert run.returncode == 0 and run.stderr == b'', run.stderr.decode()
    outputs = {}
    for name in os.listdir(os.path.join(folder, 'out')):
        with open(os.path.join(folder, 'out', name), 'rb') as file:
            outputs[name] = file.read()
    return outputs


def check_depfile(text, base, header):
    target, _, dependencies = text.partition(':')
    names = dependencies.replace('\\\n', ' ').split()
    assert target.split() == [f'out/{base}.h', f'out/{base}.c'], target
    assert names[0] == header and any(name.endswith('weir/codegen.h') for name in names), names
    assert any(name.endswith('stdint.h') for name in names) and len(names) == len(set(names)), names


def main(codegen, update):
    failed = 0
    for header, base, options in CASES:
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
            outputs = generate(codegen, os.path.join(one, 'x'), header, base, options)
            assert outputs == generate(codegen, os.path.join(two, 'y'), header, base, options), 'not deterministic'
        check_depfile(outputs.pop('depfile').decode(), base, header)
        for name, text in outputs.items():
            expected = os.path.join(HERE, 'golden', name + '.expected')
            if update:
                with open(expected, 'wb') as file:
                    file.write(text)
                continue
            with open(expected, 'rb') as file:
                if file.read() == text:
                    continue
            failed += 1
            written = os.path.join(tempfile.gettempdir(), name)
            with open(written, 'wb') as file:
                file.write(text)
            subprocess.run(['diff', '-u', expected, written], check=False)
            os.remove(written)
        assert len(outputs) >= 3, outputs.keys()
    sys.exit(1 if failed else 0)


main(os.path.abspath(sys.argv[1]), sys.argv[2:] == ['--update'])
