#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The JSON Schemas are JSON in UTF-8, refer to what is there, and require what they describe.

    schema.py WEIR-CODEGEN

Where python3-jsonschema is installed, they are checked against the metaschema of 2020-12, too.
"""

import json
import os
import subprocess
import sys
import tempfile

try:
    from jsonschema import Draft202012Validator
except ImportError:
    Draft202012Validator = None

HERE = os.path.dirname(os.path.abspath(__file__))
LATIN1 = b'''#include <weir/codegen.h>
/** Caf\xe9 "au\x01 lait" \xe2\x82\xac \xed\xa0\x80 */
struct WEIR_JOB latin1 {
    int x WEIR_FIELD(name = "\\xff"); /**< na\xefve */
};
'''


def check(node, definitions):
    if '$ref' in node:
        assert node['$ref'].split('/')[-1] in definitions, node
    for name in node.get('required', []):
        assert name in node['properties'], name
    for child in list(node.get('properties', {}).values()) + list(node.get('$defs', {}).values()):
        check(child, definitions)
    if 'items' in node:
        check(node['items'], definitions)


def main(codegen):
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, 'latin1.h'), 'wb') as file:
            file.write(LATIN1)
        headers = [os.path.join(HERE, 'kinds.h'), os.path.join(HERE, 'odd.h'), os.path.join(folder, 'latin1.h')]
        subprocess.run([codegen, '-o', os.path.join(folder, 'all'), *headers], check=True)
        names = [name for name in os.listdir(folder) if name.endswith('.schema.json')]
        assert len(names) >= 15
        schemas = {}
        for name in names:
            with open(os.path.join(folder, name), encoding='utf-8') as file:
                schema = schemas[name] = json.load(file)
            check(schema, schema.get('$defs', {}))
            assert schema['$schema'] == 'https://json-schema.org/draft/2020-12/schema'
            if Draft202012Validator:
                Draft202012Validator.check_schema(schema)
    latin1 = schemas['latin1.schema.json']
    assert latin1['description'] == 'Caf\ufffd "au\x01 lait" \u20ac \ufffd\ufffd\ufffd', latin1['description']
    assert latin1['properties'] == {'\ufffd': {'description': 'na\ufffdve', 'type': 'integer', 'minimum': -2**31,
                                               'maximum': 2**31 - 1}}
    assert schemas['defaults.schema.json']['properties']['most']['default'] == 2**64 - 1


main(os.path.abspath(sys.argv[1]))
