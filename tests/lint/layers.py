#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Who may include what.

    layers.py ROOT

Each folder of lib/ is a layer and sees the headers of the layers below it; the libraries it stands on belong to one
layer each; public headers see public headers and the C library; examples, cli/ and whoever uses the library see public
headers alone; bench/ sees those and how URLs are read. lib/control stands on libweir as a program does, and sees public
headers, lib/base, libevent and jansson.
"""

import os
import re
import sys

import common

LAYERS = ['queue', 'broker', 'redis', 'job', 'base']  # each sees itself and those after it
LIBRARIES = {'hiredis': 'redis', 'openssl': 'redis', 'msgpack': 'job', 'event2': 'control', 'jansson': 'control'}
GENERATED = {'scripts.h': 'broker'}
ISO_C = {'assert', 'ctype', 'errno', 'float', 'inttypes', 'limits', 'math', 'signal', 'stdarg', 'stdbool', 'stddef',
         'stdint', 'stdio', 'stdlib', 'string', 'time'}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+(.*?)[ \t]*(?:/[/*].*)?$', re.MULTILINE)


def library_of(name):
    """hiredis/hiredis.h and hiredis_ssl.h are of hiredis."""
    return next((library for library in LIBRARIES if re.match(library + r'(_\w+)?(/|\.h)', name)), None)


def judge_public(root, quoted, name):
    if quoted:
        return 'a public header includes others as <weir/…>'
    if name.startswith('weir/'):
        return None if os.path.isfile(os.path.join(root, 'include', name)) else 'there is no such public header'
    return None if name[:-2] in ISO_C else 'a public header includes <weir/…> and ISO C headers alone'


def judge_layer(root, layer, quoted, name):
    if not quoted:
        if name.startswith('weir/'):
            return None if os.path.isfile(os.path.join(root, 'include', name)) else 'there is no such public header'
        library = library_of(name)
        if library and LIBRARIES[library] != layer:
            return f'only lib/{LIBRARIES[library]} may use {library}'
        if name.split('/')[0] in LAYERS:
            return 'headers of the layers are included in quotes'
        return None
    if name in GENERATED:
        return None if GENERATED[name] == layer else f'{name} is lib/{GENERATED[name]}\'s own'
    other = name.split('/')[0]
    if '/' not in name or other not in LAYERS:
        return 'headers are included as "layer/header.h"'
    if LAYERS.index(other) < LAYERS.index(layer):
        return f'lib/{layer} may not see lib/{other}, which stands on it'
    return None if os.path.isfile(os.path.join(root, 'lib', name)) else 'there is no such header'


def judge_control(root, quoted, name):
    """A library of its own, on top of libweir."""
    if not quoted:
        return judge_layer(root, 'control', quoted, name)
    if name.startswith(('base/', 'control/')):
        return None if os.path.isfile(os.path.join(root, 'lib', name)) else 'there is no such header'
    return 'lib/control sees public headers and lib/base alone'


def judge_example(root, quoted, name):
    if quoted and name.split('/')[0] in LAYERS:
        return 'an example uses public headers alone'
    return None


def judge_cli(root, quoted, name):
    if quoted and not os.path.isfile(os.path.join(root, 'cli', name)):
        return 'cli/ sees public headers and its own alone'
    library = None if quoted else library_of(name)
    return f'cli/ may not use {library}' if library and library != 'jansson' else None


def judge_bench(root, quoted, name):
    """It measures what a user gets: of the layers it takes only what reads URLs."""
    if quoted and name.split('/')[0] in LAYERS and name != 'redis/url.h':
        return 'bench/ uses public headers and redis/url.h alone'
    return None


def judge_codegen(root, quoted, name):
    """The generator is no part of the library, and stands on its lowest layer and the text forms alone."""
    if not quoted:
        library = library_of(name)
        return f'codegen/ may not use {library}' if library else None
    if '/' not in name:
        return None if os.path.isfile(os.path.join(root, 'codegen', name)) else 'there is no such header'
    return None if name.startswith('base/') or name == 'job/text.h' else 'codegen/ sees lib/base and job/text.h alone'


def judge(root, path, quoted, name):
    """What is wrong with this include, or None."""
    parts = path.split('/')
    if parts[0] == 'include':
        return judge_public(root, quoted, name)
    if parts[0] == 'examples':
        return judge_example(root, quoted, name)
    if parts[0] == 'cli':
        return judge_cli(root, quoted, name)
    if parts[0] == 'bench':
        return judge_bench(root, quoted, name)
    if parts[0] == 'codegen':
        return judge_codegen(root, quoted, name)
    if parts[:2] == ['lib', 'control']:
        return judge_control(root, quoted, name)
    if parts[0] == 'lib':
        if len(parts) < 3 or parts[1] not in LAYERS:
            return 'this folder of lib/ is no layer that layers.py knows'
        return judge_layer(root, parts[1], quoted, name)
    return None


def main(root):
    problems, checked = [], 0
    for path in common.source_files(root):
        if not path.startswith(('include/', 'lib/', 'examples/', 'bench/', 'cli/', 'codegen/')) or not path.endswith(('.c', '.h')):
            continue
        checked += 1
        text = common.read(root, path)
        for match in INCLUDE.finditer(text):
            target = match.group(1)
            line = text.count('\n', 0, match.start()) + 1
            name = re.fullmatch(r'(["<])([^">]+)[">]', target)
            if not name:
                problems.append(f'{path}:{line}: error: an include that can\'t be understood: {target}')
                continue
            problem = judge(root, path, name.group(1) == '"', name.group(2))
            if problem:
                problems.append(f'{path}:{line}: error: {target}: {problem}')
    common.finish(problems, checked)


if __name__ == '__main__':
    main(sys.argv[1])
