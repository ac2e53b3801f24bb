#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each header of bad/ is refused with exactly the errors of its .expected file, and nothing is written; so are bad
command lines.

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


def refuse_commands(codegen):
    """Command lines and outputs that can't be; what is for clang and wrong is named."""
    said = 'weir-codegen: error: '
    cases = [
        (1, ['--', '-fnonsense'], said + "unknown argument: '-fnonsense'"),
        (1, ['--', '-I.', '-std=c99x', '-O2'], said + "libclang can't work with the argument '-std=c99x'"),
        (1, ['--', '-DX', 'other.c'], said + "libclang can't work with the argument 'other.c'"),
        (1, ['--', '-O2', '-I'], said + "libclang can't work with the argument '-I'"),
        (1, ['--', '-include', 'missing.h'], said + "'missing.h' file not found"),
        (1, ['missing.h'], said + "'missing.h' file not found"),
        (2, ['-DX'], said + 'there is no such option (what is for clang goes behind --): -DX'),
        (2, ['--out=x'], said + 'there is no such option (what is for clang goes behind --): --out=x'),
        (2, ['--depfile'], said + 'a value is missing: --depfile'),
        (2, ['--prefix', '1st_'], said + 'not the beginning of a C name: 1st_'),
        (1, ['-o', 'missing/out'], "missing/out.h: error: can't be written: No such file or directory"),
        (1, ['-o', 'taken'], "taken.c: error: can't be written: Is a directory"),
        (1, ['--depfile', 'taken.c'], "taken.c: error: can't be written: Is a directory"),
    ]
    for code, args, words in cases:
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, 'good.h'), 'w', encoding='utf-8') as file:
                file.write('#include <weir/codegen.h>\nstruct WEIR_JOB good { int x; };\n')
            os.mkdir(os.path.join(folder, 'taken.c'))
            with open(os.path.join(folder, 'taken.h'), 'w', encoding='utf-8') as file:
                file.write('precious')
            env = dict(os.environ)
            if 'libclang' in words:
                env['ASAN_OPTIONS'] = 'detect_leaks=0'  # libclang loses its own buffer where it refuses an argument
            run = subprocess.run([codegen, 'good.h', *args], cwd=folder, env=env, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, check=False)
            assert run.returncode == code and run.stderr.decode() == words + '\n', (args, run.stderr.decode())
            assert sorted(os.listdir(folder)) == ['good.h', 'taken.c', 'taken.h'], (args, os.listdir(folder))
            with open(os.path.join(folder, 'taken.h'), encoding='utf-8') as file:
                assert file.read() == 'precious', args


def accept_compiler_flags(codegen):
    """What a Makefile gives its compiler does no harm: warnings are no errors, and nothing else is written."""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, 'good.h'), 'w', encoding='utf-8') as file:
            file.write('#include <weir/codegen.h>\n#define X 1\n#define X 2\n'
                       'struct WEIR_JOB good { int x WEIR_FIELD(default = X, name = "y"); };\n')
        subprocess.run([codegen, 'good.h', '--', '-Weverything', '-Werror', '-O2', '-g', '-MMD', '-MP', '-MF', 'x.d',
                        '-MT', 'x.o', '-c', '-o', 'x.o', '-Wno-such-warning'], cwd=folder, check=True)
        assert sorted(os.listdir(folder)) == ['good.h', 'good.schema.json', 'good_job.c', 'good_job.h']


def main(codegen):
    refuse_commands(codegen)
    accept_compiler_flags(codegen)
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
