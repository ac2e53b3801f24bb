#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What libweir exports is what lib/weir.map lists and what the public headers declare with WEIR_API. So it is with
libweir-control, lib/control/weir-control.map and weir/control.h.

    exports.py ROOT LIBRARY     compares the three, for one of the two libraries
    exports.py ROOT --write     writes the maps from the headers
"""

import os
import re
import subprocess
import sys

import common

MAPS = {  # the library: its map, the version in it, where its symbols come from, and the headers these are in
    'libweir': ('lib/weir.map', 'WEIR_0', 'WEIR_API in include/weir', r'include/weir/(?!control\.h)\w+\.h'),
    'libweir-control': ('lib/control/weir-control.map', 'WEIR_CONTROL_0', 'WEIR_API in include/weir/control.h',
                        r'include/weir/control\.h'),
}


def declared(root, headers):
    """{symbol: where} of every WEIR_API declaration."""
    symbols = {}
    for path in common.source_files(root):
        if not re.fullmatch(headers, path):
            continue
        text = common.read(root, path)
        text = re.sub(r'/\*.*?\*/', lambda comment: '\n' * comment.group().count('\n'), text, flags=re.DOTALL)
        text = re.sub(r'^[ \t]*#(?:.*\\\n)*.*$', lambda line: '\n' * line.group().count('\n'), text, flags=re.MULTILINE)
        for match in re.finditer(r'\bWEIR_API\b([^;{]*)[;{]', text):
            where = f'{path}:{text.count(chr(10), 0, match.start()) + 1}'
            name = re.search(r'(\w+)\s*\(', match.group(1)) or re.search(r'(\w+)\s*(?:\[[^]]*\]\s*)?$', match.group(1))
            symbols[name.group(1)] = where
    return symbols


def listed(root, path, version):
    """The symbols of the map, in its order."""
    text = common.read(root, path)
    form = r'(?:/\*.*?\*/\s*)?' + version + r' \{\nglobal:\n((?:    \w+;\n)*)local:\n    \*;\n\};\n'
    body = re.fullmatch(form, text, re.DOTALL)
    if not body:
        sys.exit(f'{path}:1: error: not of the form that --write gives it')
    return re.findall(r'\w+', body.group(1))


def exported(library):
    """The symbols that the dynamic linker sees; the version's own name is no symbol of ours."""
    out = subprocess.run(['nm', '-D', '--defined-only', library], check=True, stdout=subprocess.PIPE).stdout.decode()
    symbols = set()
    for line in out.splitlines():
        _, kind, name = line.split()
        if kind != 'A':
            symbols.add(name.split('@')[0])
    return symbols


def write(root):
    for library, (path, version, source, headers) in MAPS.items():
        symbols = sorted(declared(root, headers))
        if not symbols:
            continue
        with open(os.path.join(root, path), 'w', encoding='utf-8') as file:
            file.write(f'/* What {library} exports: written by tests/lint/exports.py --write, from {source}. */\n')
            file.write(version + ' {\nglobal:\n')
            file.writelines(f'    {name};\n' for name in symbols)
            file.write('local:\n    *;\n};\n')


def main(root, library):
    if library == '--write':
        write(root)
        return
    path, version, _, pattern = MAPS[os.path.basename(library).split('.')[0]]
    headers, names, symbols = declared(root, pattern), listed(root, path, version), exported(library)
    problems = [f'{where}: error: {name}: exported symbols start with weir_'
                for name, where in headers.items() if not name.startswith('weir_')]
    if names != sorted(set(names)):
        problems.append(f'{path}:1: error: the symbols are not sorted, or not all different')
    for name in sorted(set(headers) - set(names)):
        problems.append(f'{headers[name]}: error: {name} is missing in {path}')
    for name in sorted(set(names) - set(headers)):
        problems.append(f'{path}:1: error: {name} is declared in no public header')
    for name in sorted(set(headers) - symbols):
        problems.append(f'{headers[name]}: error: {name} is declared, but {os.path.basename(library)} does not export it')
    for name in sorted(symbols - set(headers)):
        problems.append(f'{os.path.basename(library)}: error: {name} is exported, but no public header declares it')
    common.finish(problems, headers)


if __name__ == '__main__':
    main(*sys.argv[1:])
