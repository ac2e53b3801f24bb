#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the eye would have to look for otherwise.

    prose.py ROOT

No tabs and no white space at line ends in sources; lines of C and of the dashboard of at most 120 columns; an SPDX line
at the head of each C file; a newline at the end and no carriage returns; no test that waits for time.
"""

import re
import sys
import unicodedata

import common

SOURCES = ('.c', '.h', '.py', '.lua', '.js', '.css', '.html', '.svg', '.yaml', 'meson.build', 'meson_options.txt')
COLUMNS = 120
NARROW = ('.c', '.h', '.js', '.css', '.html')
WAITING = re.compile(r'\b(?:clock_nano|nano|u)?sleep\s*\((?!0\.00)')  # in Python a few ms between two looks are fine


def columns(line):
    if line.isascii():
        return len(line)
    return sum(2 if unicodedata.east_asian_width(c) in 'WF' else 1 for c in line if not unicodedata.combining(c))


def check_line(path, line):
    if '\t' in line:
        yield 'a tab'
    if line != line.rstrip():
        yield 'white space at the end of the line'
    if path.endswith(NARROW) and columns(line) > COLUMNS:
        yield f'{columns(line)} columns; {COLUMNS} are allowed'
    if path.startswith('tests/') and WAITING.search(line):
        yield 'a test waits for an event, never for time (support/wait.h)'


def check_file(path, text):
    if path.endswith(('.c', '.h')) and not text.startswith('/* SPDX-License-Identifier: MIT'):
        yield f'{path}:1: error: the first line must be /* SPDX-License-Identifier: MIT'
    if not text.endswith('\n') and text:
        yield f'{path}: error: no newline at the end of the file'
    for number, line in enumerate(text.split('\n'), 1):
        for problem in check_line(path, line):
            yield f'{path}:{number}: error: {problem}'


def main(root):
    problems, checked = [], 0
    for path in common.source_files(root):
        if not path.endswith(SOURCES):
            continue
        checked += 1
        try:
            problems += check_file(path, common.read(root, path))
        except UnicodeDecodeError as error:
            problems.append(f'{path}:1: error: not UTF-8: {error}')
    common.finish(problems, checked)


if __name__ == '__main__':
    main(sys.argv[1])
