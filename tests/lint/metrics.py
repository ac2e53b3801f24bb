#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The tables of docs/metrics.md are those of the public headers.

    metrics.py ROOT            compares them
    metrics.py ROOT --write    writes them anew

In the page each table stands between a line "<!-- NAME -->", with the macro's name, and the next "<!-- end -->".
"""

import os
import re
import sys

import common

PAGE = 'docs/metrics.md'
TABLES = {  # the macro: its header, and the macro that says what rows of one metric have in common
    'WEIR_STATS_TABLE': ('include/weir/stats.h', 'WEIR_STATS_FAMILY_TABLE'),
    'WEIR_QUEUE_INFO_TABLE': ('include/weir/admin.h', 'WEIR_INFO_FAMILY_TABLE'),
    'WEIR_GROUP_INFO_TABLE': ('include/weir/admin.h', 'WEIR_INFO_FAMILY_TABLE'),
}
TYPES = {'COUNTER': 'counter', 'GAUGE': 'gauge', 'FLAG': 'gauge', 'HISTOGRAM': 'histogram', 'NUMBER': 'gauge',
         'MS': 'gauge'}
STRING = r'"((?:[^"\\]|\\.)*)"'


def rows(root, header, macro):
    """The arguments of each X(…) of the macro, strings without their quotes."""
    text = common.read(root, header).replace('\\\n', ' ')
    body = re.search(rf'#define {macro}\(X\) (.*)', text).group(1)
    found = []
    for row in re.findall(rf'X\(((?:[^"()]|{STRING})*)\)', body):
        arguments = re.findall(rf'{STRING}|(\w+)', row[0])
        found.append([string or word for string, word in arguments])
    return found


def table(root, macro):
    header, families = TABLES[macro]
    common_text = {metric: text for metric, text in rows(root, header, families)}
    numbers = rows(root, header, macro)
    lines = ['| metric | type | what | member |', '|---|---|---|---|']
    for metric in dict.fromkeys(row[2] for row in numbers):
        members = [row for row in numbers if row[2] == metric]
        if not metric:
            continue
        if metric in common_text:
            lines.append(f'| `{metric}` | {TYPES[members[0][0]]} | {common_text[metric]} | |')
        for kind, member, _, label, value, text in members:
            name, shown = (f'… `{label}="{value}"`', '') if label else (f'`{metric}`', TYPES[kind] + ' ')
            lines.append(f'| {name} | {shown}| {text} | `{member}` |')
    lines += [f'| | | {text} | `{member}` |' for _, member, metric, _, _, text in numbers if not metric]
    return '\n'.join(lines) + '\n'


def renewed(root):
    """The page with its tables as they should be, and what is missing in it."""
    text, problems = common.read(root, PAGE), []
    for macro in TABLES:
        mark = re.compile(rf'(<!-- {macro} -->\n)(.*?)(<!-- end -->\n)', re.DOTALL)
        if not mark.search(text):
            problems.append(f'{PAGE}:1: error: there is no place for {macro}')
        text = mark.sub(lambda match: match.group(1) + '\n' + table(root, macro) + '\n' + match.group(3), text)
    return text, problems


def main(root, write):
    text, problems = renewed(root)
    if write and not problems:
        with open(os.path.join(root, PAGE), 'w', encoding='utf-8') as page:
            page.write(text)
        return
    if text != common.read(root, PAGE):
        old, new = common.read(root, PAGE).splitlines(), text.splitlines()
        line = next((i for i, (a, b) in enumerate(zip(old, new), 1) if a != b), min(len(old), len(new)) + 1)
        problems.append(f'{PAGE}:{line}: error: not what the headers say; run tests/lint/metrics.py . --write')
    common.finish(problems, [PAGE])


if __name__ == '__main__':
    main(sys.argv[1], '--write' in sys.argv[2:])
