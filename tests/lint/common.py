# SPDX-License-Identifier: MIT
"""What the checks share: finding files and reporting problems as file:line: text."""

import os
import subprocess
import sys


def source_files(root):
    """The files of the tree, as paths relative to root: what git would keep, or all that there is without git."""
    try:
        names = subprocess.run(
            ['git', '-C', root, 'ls-files', '-z', '--cached', '--others', '--exclude-standard', '.'],
            check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode().split('\0')
    except (OSError, subprocess.CalledProcessError):
        names = []
        for folder, subfolders, files in os.walk(root):
            subfolders[:] = [name for name in subfolders if not name.startswith(('.', '__pycache__'))
                             and not os.path.isdir(os.path.join(folder, name, 'meson-info'))]
            names += [os.path.relpath(os.path.join(folder, name), root) for name in files]
    return sorted(name for name in set(names) if name and os.path.isfile(os.path.join(root, name)))


def read(root, name):
    with open(os.path.join(root, name), encoding='utf-8', newline='') as file:
        return file.read()


def finish(problems, checked):
    """Prints the problems and ends with 1 if there are any. Nothing checked is a problem, too."""
    if not checked:
        problems = problems + ['nothing was found to check']
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(1 if problems else 0)
