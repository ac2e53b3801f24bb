#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The ways of docs/codegen.md to use weir-codegen work: make and meson with an installed weir, meson with a subproject.

    installed.py BUILD-DIRECTORY SOURCE-DIRECTORY
"""

import glob
import os
import shutil
import subprocess
import sys
import tempfile

PROJECT = '''project('mailer', 'c', default_options: ['c_std=c11', 'warning_level=2', 'werror=true'])
weir = dependency('weir'%s)
%s
email = custom_target(input: 'email.h', output: ['email_job.h', 'email_job.c', 'email.schema.json'],
  depfile: 'email_job.d', command: [codegen, '-o', '@OUTDIR@/email_job', '--depfile', '@DEPFILE@', '@INPUT@'])
executable('mailer', 'email.c', email, dependencies: [weir, dependency('threads')])
'''
INSTALLED = ('', "codegen = find_program(dependency('weir-codegen').get_variable('weir_codegen'))")
SUBPROJECT = (", fallback: 'weir', default_options: ['tests=false', 'examples=false']",
              "codegen = find_program('weir-codegen')")


def run(*command, cwd, env):
    result = subprocess.run(command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert result.returncode == 0, f'{" ".join(command)}:\n{result.stdout.decode()}'
    return result.stdout.decode()


def copy_example(source, folder):
    os.makedirs(folder)
    for name in ('email.c', 'email.h', 'Makefile'):
        shutil.copy(os.path.join(source, 'examples/email', name), folder)
    header = os.path.join(folder, 'email.h')
    with open(header, encoding='utf-8') as file:
        text = file.read()
    assert 'char subject[80]' in text
    with open(header, 'w', encoding='utf-8') as file:
        file.write('#include "size.h"\n' + text.replace('char subject[80]', 'char subject[SUBJECT_SIZE]'))
    with open(os.path.join(folder, 'size.h'), 'w', encoding='utf-8') as file:
        file.write('#define SUBJECT_SIZE 80\n')


def send(program, env):
    out = run(program, 'memory:installed', cwd='/', env=env)
    assert out.startswith('to ada@example.org: Engines (high'), out


def regenerates(folder, build_command, output, env):
    """A change of what the header includes makes the outputs anew, and no change leaves them."""
    stamp = os.stat(output).st_mtime_ns
    run(*build_command, cwd=folder, env=env)
    assert os.stat(output).st_mtime_ns == stamp
    included = os.path.join(folder, 'size.h')
    with open(included, 'w', encoding='utf-8') as file:
        file.write('#define SUBJECT_SIZE 90\n')
    os.utime(included, ns=(stamp + 10**10, stamp + 10**10))
    run(*build_command, cwd=folder, env=env)
    with open(output, encoding='utf-8') as file:
        assert 'char[90]' in file.read()


def main(build, source):
    with tempfile.TemporaryDirectory() as temporary:
        root = os.path.join(temporary, 'root')
        env = {**os.environ, 'DESTDIR': root}
        run('meson', 'install', '-C', build, '--no-rebuild', '--quiet', cwd='/', env=env)
        pc = glob.glob(root + '/**/pkgconfig/weir-codegen.pc', recursive=True)
        assert len(pc) == 1 and os.path.isfile(os.path.dirname(pc[0]) + '/weir.pc'), pc
        with open(pc[0], encoding='utf-8') as file:
            prefix = next(line[7:].strip() for line in file if line.startswith('prefix='))
        env = {**os.environ, 'PKG_CONFIG_PATH': os.path.dirname(pc[0]),
               'LD_LIBRARY_PATH': os.path.dirname(os.path.dirname(pc[0])),
               'PATH': f'{root}{prefix}/bin:{os.environ["PATH"]}'}
        for name in glob.glob(os.path.dirname(pc[0]) + '/*.pc'):
            with open(name, encoding='utf-8') as file:
                text = file.read()
            with open(name, 'w', encoding='utf-8') as file:
                file.write(text.replace(f'prefix={prefix}\n', f'prefix={root}{prefix}\n'))

        made = os.path.join(temporary, 'make')
        copy_example(source, made)
        run('make', cwd=made, env=env)
        send(os.path.join(made, 'email'), env)
        regenerates(made, ['make'], os.path.join(made, 'email_job.c'), env)

        for name, parts in (('installed', INSTALLED), ('subproject', SUBPROJECT)):
            if name == 'subproject' and os.environ.get('WEIR_TEST_QUICK'):
                continue
            folder = os.path.join(temporary, name)
            copy_example(source, folder)
            if parts is SUBPROJECT:
                env = {**os.environ, 'PKG_CONFIG_PATH': ''}
                os.makedirs(folder + '/subprojects')
                os.symlink(source, folder + '/subprojects/weir')
            with open(os.path.join(folder, 'meson.build'), 'w', encoding='utf-8') as file:
                file.write(PROJECT % parts)
            run('meson', 'setup', 'build', cwd=folder, env=env)
            ninja = ['ninja', '-C', 'build', 'mailer']
            run(*ninja, cwd=folder, env=env)
            send(os.path.join(folder, 'build/mailer'), env)
            regenerates(folder, ninja, os.path.join(folder, 'build/email_job.c'), env)


main(*(os.path.abspath(path) for path in sys.argv[1:]))
