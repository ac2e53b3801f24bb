#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Public headers compile alone, as C11 and as C++11, and so does what their macros are for.

    headers.py ROOT VERSION [COMPILER…]     VERSION: the project's, which weir/version.h must agree with

Every compiler of gcc, g++, clang and clang++ that is installed is asked, or those that are named. At least one for each
language must be.
"""

import os
import re
import shutil
import subprocess
import sys

import common

COMPILERS = {'c': ['gcc', 'clang'], 'c++': ['g++', 'clang++']}
FLAGS = ['-Wall', '-Wextra', '-Wpedantic', '-Wconversion', '-Wshadow', '-Werror', '-fsyntax-only']

USE = '''#include <weir/weir.h>

int use(void);
int use(void)
{
    weir_queue_options queue = WEIR_QUEUE_OPTIONS_INIT;
    weir_producer_options producer = WEIR_PRODUCER_OPTIONS_INIT;
    weir_enqueue_options enqueue = WEIR_ENQUEUE_OPTIONS_INIT;
    weir_dead_options dead = WEIR_DEAD_OPTIONS_INIT;
    weir_connection_options connection = WEIR_CONNECTION_OPTIONS_INIT(1000);
    weir_stats stats = WEIR_STATS_INIT;
    weir_field fields[2] = {weir_field_text("to", "a@b.c"), weir_field_bytes("raw", "\\0", 1)};
    weir_fields all = {fields, 2};
    queue.url = producer.url = dead.url = "memory:use";
    return (int)(queue.size + producer.size + enqueue.size + dead.size + stats.size + all.n) +
           (int)connection.connect_timeout_ms;
}
'''
USE_IN_C = '''
weir_status enqueue(weir_producer *producer);
weir_status enqueue(weir_producer *producer)
{
    return weir_enqueue(producer, WEIR_FIELDS(weir_field_text("to", "a@b.c"), weir_field_text("n", "1")), 0, 0, 0);
}
'''


def compile_text(root, compiler, language, text):
    """The compiler's words where the text doesn't compile, else None."""
    standard = 'c11' if language == 'c' else 'c++11'
    command = [compiler, '-x', language, '-std=' + standard, *FLAGS, '-I', os.path.join(root, 'include'), '-']
    run = subprocess.run(command, input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return run.stdout.decode(errors='replace') if run.returncode != 0 else None


def check_version(root, version):
    text = common.read(root, 'include/weir/version.h')
    numbers = [re.search(rf'#define WEIR_VERSION_{part} (\d+)\n', text) for part in ('MAJOR', 'MINOR', 'PATCH')]
    written = '.'.join(number.group(1) for number in numbers if number)
    quoted = re.search(r'#define WEIR_VERSION "(.*)"\n', text)
    if written != version or not quoted or quoted.group(1) != version:
        return [f'include/weir/version.h:1: error: not {version}, the version of meson.build']
    return []


def check_umbrella(root, headers):
    """control.h belongs to a library of its own, which not everybody has."""
    text = common.read(root, 'include/weir/weir.h')
    return [f'include/weir/weir.h:1: error: <weir/{name}> is missing in the umbrella' for name in headers
            if name not in ('weir.h', 'visibility.h', 'control.h') and f'#include <weir/{name}>' not in text]


def check_installed(root, headers):
    text = common.read(root, 'include/meson.build')
    return [f'include/meson.build:1: error: weir/{name} is not installed' for name in headers
            if f"'weir/{name}'" not in text]


def main(root, version, *wanted):
    headers = [os.path.basename(path) for path in common.source_files(root)
               if re.fullmatch(r'include/weir/\w+\.h', path)]
    problems = check_version(root, version) + check_umbrella(root, headers) + check_installed(root, headers)
    if problems:
        common.finish(problems, headers)
    for language, names in COMPILERS.items():
        compilers = [name for name in names if name in (wanted or names) and shutil.which(name)]
        if not compilers:
            problems.append(f'no compiler for {language}: one of {", ".join(names)} is needed')
        for compiler in compilers:
            for name in headers:
                # twice: the guard; then something of ours, so that the text isn't empty
                words = compile_text(root, compiler, language, 2 * f'#include <weir/{name}>\n' + 'extern int nothing;\n')
                if words:
                    problems.append(f'include/weir/{name}:1: error: does not compile alone with {compiler}:\n{words}')
            words = compile_text(root, compiler, language, USE + (USE_IN_C if language == 'c' else ''))
            if words:
                problems.append(f'the use of the macros does not compile with {compiler}:\n{words}')
    common.finish(problems, headers)


if __name__ == '__main__':
    main(*sys.argv[1:])
