#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What weir-codegen writes compiles everywhere without a warning, and what must not compile does not.

    compile.py WEIR-CODEGEN

Every compiler of gcc, clang, g++ and clang++ that is installed is asked; at least one of each language must be.
"""

import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
INCLUDE = os.path.join(HERE, '../../include')
WARNINGS = ['-Wall', '-Wextra', '-Wconversion', '-Wshadow', '-Werror']
LANGUAGES = {'gcc': ['-x', 'c', '-std=c11'], 'clang': ['-x', 'c', '-std=c11'],
             'g++': ['-x', 'c++', '-std=gnu++17'], 'clang++': ['-x', 'c++', '-std=gnu++17']}
COMPILERS = [name for name in LANGUAGES if shutil.which(name)]

HANDLER = '''
#include "email_job.h"
#include "kinds_job.h"
struct mailer { int sent; };
struct other { int x; };
static weir_outcome send_mail(weir_job *job, const struct email *email, struct mailer *mailer)
{
    mailer->sent += email == email_of(job);
    return email->html ? WEIR_LATER : WEIR_DONE;
}
%s
void use(weir_queue_options *options, struct mailer *mailer, struct other *other);
void use(weir_queue_options *options, struct mailer *mailer, struct other *other)
{
    (void)mailer, (void)other;
    %s
}
'''
GOOD = ('EMAIL_HANDLER(send_mail, struct mailer);', 'send_mail_attach(options, mailer);')
WRONG = {
    'another struct': ('KINDS_HANDLER(send_mail, struct mailer);', ';'),
    'another context': ('EMAIL_HANDLER(send_mail, struct other);', ';'),
    'another context when attached': (GOOD[0], 'send_mail_attach(options, other);'),
    'enqueueing another struct': (GOOD[0], 'kinds_enqueue(0, (struct email *)0, 0, 0, 0);'),
}


def compiles(compiler, folder, text, include=INCLUDE, flags=()):
    """(whether it does, what the compiler said)"""
    run = subprocess.run(
        [compiler, *LANGUAGES[compiler], *WARNINGS, *flags, '-I', include, '-I', folder, '-I', HERE, '-c', '-o',
         os.devnull, '-'], input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return run.returncode == 0, run.stdout.decode(errors='replace')


def check(compiler, folder):
    for name in ('kinds_job.c', 'email_job.c', 'odd_job.c'):
        with open(os.path.join(folder, name), encoding='utf-8') as file:
            pedantic = ['-Wpedantic'] if name == 'odd_job.c' else []  # kinds.h has unnamed structs, which C++ lacks
            good, words = compiles(compiler, folder, file.read(), flags=pedantic)
        assert good, f'{name}, {compiler}: {words}'

    good, words = compiles(compiler, folder, HANDLER % GOOD)
    assert good, f'{compiler}: {words}'
    for what, parts in WRONG.items():
        good, words = compiles(compiler, folder, HANDLER % parts)
        assert not good, f'{compiler}: {what} compiles'
    # with all warnings off: it is an error in itself
    good, words = compiles(compiler, folder, HANDLER % WRONG['another struct'], flags=['-w', '-Wno-error'])
    assert not good, f'{compiler}: another struct is only a warning'
    assert '+' in compiler or 'not a handler of this payload' in words, f'{compiler}: {words}'


def check_abi(compiler, folder):
    include = os.path.join(folder, 'other_include')
    shutil.copytree(INCLUDE, include)
    path = os.path.join(include, 'weir/map.h')
    with open(path, encoding='utf-8') as file:
        text = file.read()
    assert '#define WEIR_CODEGEN_ABI 1\n' in text
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text.replace('#define WEIR_CODEGEN_ABI 1\n', '#define WEIR_CODEGEN_ABI 999\n'))
    good, words = compiles(compiler, folder, '#include "email_job.h"\n', include)
    assert not good and 'generate this file anew' in words, words


def main(codegen):
    assert any('+' in name for name in COMPILERS) and any('+' not in name for name in COMPILERS), COMPILERS
    with tempfile.TemporaryDirectory() as folder:
        for header, base in (('kinds.h', 'kinds_job'), ('golden/email.h', 'email_job'), ('odd.h', 'odd_job')):
            subprocess.run([codegen, '-o', os.path.join(folder, base), os.path.join(HERE, header)], check=True)
        for compiler in COMPILERS:
            check(compiler, folder)
        check_abi(COMPILERS[0], folder)


main(os.path.abspath(sys.argv[1]))
