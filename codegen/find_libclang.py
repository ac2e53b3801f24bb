#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Finds libclang with its headers, whatever the version from 14 on: the newest, or what $LLVM_CONFIG says.

    find_libclang.py

Prints version, library folder, include folder and the compiler's own folder (with stddef.h), one a line; exits with 1
where there is none.
"""

import glob
import os
import re
import shutil
import subprocess
import sys

OLDEST = 14


def ask(program, option):
    try:
        run = subprocess.run([program, option], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ''
    return run.stdout.decode().strip()


def prefixes():
    """(library folder, include folder) of everything that may be an LLVM, the one that was asked for alone."""
    chosen = os.environ.get('LLVM_CONFIG')
    programs = [chosen] if chosen else ['llvm-config'] + [f'llvm-config-{n}' for n in range(OLDEST, 60)]
    for program in programs:
        if shutil.which(program):
            yield ask(program, '--libdir'), ask(program, '--includedir')
    if not chosen:
        for root in glob.glob('/usr/lib/llvm-*') + ['/usr', '/usr/local', '/opt/homebrew/opt/llvm']:
            for name in ('lib', 'lib64'):
                yield os.path.join(root, name), os.path.join(root, 'include')


def resource_folders(libdir):
    found = glob.glob(os.path.join(libdir, 'clang', '*', 'include', 'stddef.h'))
    return [os.path.dirname(os.path.dirname(path)) for path in found]


def candidates():
    for libdir, includedir in prefixes():
        if not os.path.isfile(os.path.join(includedir, 'clang-c', 'Index.h')):
            continue
        if not glob.glob(os.path.join(libdir, 'libclang.so')) + glob.glob(os.path.join(libdir, 'libclang.dylib')):
            continue
        for folder in resource_folders(libdir):
            version = re.match(r'\d+', os.path.basename(folder))
            if version and int(version[0]) >= OLDEST:
                yield int(version[0]), os.path.basename(folder), libdir, includedir, folder


def main():
    found = max(candidates(), default=None)
    if not found:
        sys.exit(1)
    print('\n'.join(found[1:]))


main()
