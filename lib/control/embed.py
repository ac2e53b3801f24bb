#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes files into a C source file: the dashboard's page, scripts, styles and pictures.

    embed.py OUTPUT.c FILE…
"""

import hashlib
import os
import sys

TYPES = {
    '.html': 'text/html; charset=utf-8',
    '.js': 'text/javascript; charset=utf-8',
    '.css': 'text/css; charset=utf-8',
    '.svg': 'image/svg+xml',
    '.png': 'image/png',
    '.ico': 'image/x-icon',
    '.webmanifest': 'application/manifest+json',
}


def main(output, paths):
    arrays, rows = [], []
    for i, path in enumerate(sorted(paths, key=os.path.basename)):
        name = os.path.basename(path)
        kind = TYPES.get(os.path.splitext(name)[1])
        if not kind:
            sys.exit(f'{path}:1: error: what Content-Type does it have? Add it to embed.py')
        with open(path, 'rb') as file:
            data = file.read()
        lines = [', '.join(str(byte) for byte in data[at:at + 24]) for at in range(0, len(data), 24)]
        arrays.append(f'static const unsigned char asset_{i}[] = {{\n    ' + ',\n    '.join(lines or ['0']) + '};\n')
        etag = hashlib.sha256(data).hexdigest()[:16]
        rows.append(f'    {{"{name}", "{kind}", "\\"{etag}\\"", asset_{i}, {len(data)}}},\n')
    with open(output, 'w', encoding='utf-8') as file:
        file.write('/* Written by embed.py. */\n#include "control/assets.h"\n\n#include <string.h>\n\n')
        file.write('\n'.join(arrays))
        file.write('\nstatic const struct control_asset assets[] = {\n' + ''.join(rows) + '    {0},\n};\n')
        file.write('''
const struct control_asset *control_asset_find(const char *name)
{
    for (const struct control_asset *asset = assets; asset->name; asset++)
        if (strcmp(asset->name, name) == 0)
            return asset;
    return NULL;
}
''')


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2:])
