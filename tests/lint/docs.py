#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the documentation says is what the code says.

    docs.py ROOT

  - docs/options.md has every option of the public structs, with the default of the INIT macro and the range of the
    tables in lib/queue/options.c, and no other;
  - docs/errors.md has every row of WEIR_STATUS_TABLE, with its number, its text and whether it is retriable;
  - docs/check.md has every row of WEIR_FINDING_TABLE, with its severity;
  - docs/guarantees.md has every guarantee, and the tests it names exist;
  - docs/wire-format.md names every field name of lib/job/names.h and every script, README.md every example;
  - C snippets compile: those with main() as they are, the others with the headers and some variables around them;
  - relative links lead somewhere, #fragments included;
  - names and paths in `backticks` exist: weir_…, WEIR_…, lib/…, and the functions in `lib/queue/file.c: one, two`;
  - lines have at most 120 columns, but for tables.
"""

import os
import re
import subprocess
import sys

import common
from prose import COLUMNS, columns

OPTIONS = 'docs/options.md'
ERRORS = 'docs/errors.md'
CHECK = 'docs/check.md'
GUARANTEES = 'docs/guarantees.md'
WIRE_FORMAT = 'docs/wire-format.md'

STRUCTS = {  # the struct, its header, its macro
    'weir_queue_options': ('queue.h', 'WEIR_QUEUE_OPTIONS_INIT'),
    'weir_producer_options': ('producer.h', 'WEIR_PRODUCER_OPTIONS_INIT'),
    'weir_enqueue_options': ('producer.h', 'WEIR_ENQUEUE_OPTIONS_INIT'),
    'weir_dead_options': ('dead.h', 'WEIR_DEAD_OPTIONS_INIT'),
    'weir_check_options': ('check.h', 'WEIR_CHECK_OPTIONS_INIT'),
    'weir_admin_options': ('admin.h', 'WEIR_ADMIN_OPTIONS_INIT'),
    'weir_control_options': ('control.h', 'WEIR_CONTROL_OPTIONS_INIT'),
    'weir_connection_options': ('connection.h', 'WEIR_CONNECTION_OPTIONS_INIT'),
}
CONSTANTS = {'UINT32_MAX': 2**32 - 1, 'INT64_MAX': 2**63 - 1}

FENCE = re.compile(r'^( *)(```+)[ \t]*([^\n]*)\n(.*?)^\1\2[ \t]*$', re.MULTILINE | re.DOTALL)
COMPILER = ['gcc', '-x', 'c', '-std=c11', '-Wall', '-Wextra', '-Werror', '-fsyntax-only']
LENIENT = ['-Wno-unused-function', '-Wno-unused-variable', '-Wno-unused-but-set-variable', '-Wno-unused-parameter']
HEADERS = '''#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>
'''
STATEMENTS = '''void snippet(weir_job *job, weir_queue *queue, weir_producer *producer, weir_dead *dead, weir_error err);
void snippet(weir_job *job, weir_queue *queue, weir_producer *producer, weir_dead *dead, weir_error err)
{
    weir_queue_options o = WEIR_QUEUE_OPTIONS_INIT;
    weir_status status = WEIR_OK;
'''


def line_of(text, position):
    return text.count('\n', 0, position) + 1


def without_comments(text):
    return re.sub(r'/\*.*?\*/', ' ', text, flags=re.DOTALL)


# ---- the code ----


def struct_fields(root, name):
    """[(field, whether it is a pointer or function)] of a public struct, in order."""
    header = without_comments(common.read(root, 'include/weir/' + STRUCTS[name][0]))
    body = re.search(r'typedef struct ' + name + r' \{(.*?)\n\} ' + name + ';', header, re.DOTALL).group(1)
    fields = []
    for declaration in body.split(';'):
        match = re.fullmatch(r'\s*(.*?)(\w+)\s*', declaration, re.DOTALL)
        if match:
            kind = match.group(1)
            fields.append((match.group(2), '*' in kind or '_fn' in kind or 'handler' in kind))
    return fields


def split_values(text):
    """Splits at the commas that are not inside parentheses."""
    values, depth, value = [], 0, ''
    for character in text:
        depth += {'(': 1, ')': -1}.get(character, 0)
        if character == ',' and depth == 0:
            values.append(value.strip())
            value = ''
        else:
            value += character
    return values + [value.strip()]


def defaults(root, name):
    """{field: text of its default}; a connection's command timeout differs between the others, and so is not there."""
    header, macro = STRUCTS[name]
    text = common.read(root, 'include/weir/' + header).replace('\\\n', ' ')
    body = re.search(r'#define ' + macro + r'(?:\(\w+\))?\s*\{(.*?)\}\s*\n', text, re.DOTALL).group(1)
    fields, values = struct_fields(root, name), split_values(body)
    if len(fields) != len(values):
        raise ValueError(f'include/weir/{header}:1: error: {macro} has {len(values)} values for {len(fields)} fields')
    result = {}
    for (field, pointer), value in zip(fields, values):
        if value.startswith('sizeof'):
            continue
        if name == 'weir_connection_options' and field == 'command_timeout_ms':
            continue
        result[field] = 'NULL' if pointer and value == '0' else value
    return result


def number(text, names):
    """The value of a constant expression of options.c; an enumerator is its own value."""
    text = re.sub(r'INT64_C\((\d+)\)', r'\1', text.strip())
    for name, value in {**CONSTANTS, **names}.items():
        text = re.sub(rf'\b{name}\b', str(value), text)
    if re.fullmatch(r'\d+( - \d+)?', text):
        first, _, second = text.partition(' - ')
        return str(int(first) - int(second or 0))
    return text


def ranges(root):
    """{(struct, field): 'least … most'} of the tables in options.c."""
    text = common.read(root, 'lib/queue/options.c')
    names = {name: number(value, {}) for name, value in re.findall(r'#define (\w+_MS) (.+)\n', text)}
    result = {}
    for table in re.findall(r'#define (?:INTEGER|REAL)_OPTION_TABLE\(X\)(.*?[^\\])\n', text, re.DOTALL):
        for field, least, most in re.findall(r'X\((\w+), (.+?), (.+?)\)[ \\\n]', table + '\n'):
            result['weir_queue_options', field] = f'{number(least, names)} … {number(most, names)}'
    for field, least, most in re.findall(r'\{"connection\.(\w+)", options->\w+, (\w+), (\w+)\}', text):
        result['weir_connection_options', field] = f'{least} … {most}'
    return result


def statuses(root):
    """[(name, number, retriable, text)] of WEIR_STATUS_TABLE."""
    text = common.read(root, 'include/weir/error.h')
    return re.findall(r'X\((WEIR_\w+), (\d+), (true|false),\s*"(.*?)"\)', text)


# ---- docs/options.md and docs/errors.md ----


def sections(text, level):
    """[(heading, line, body)] of the headings of one level."""
    found = list(re.finditer(r'^' + '#' * level + r' (.+)$', text, re.MULTILINE))
    ends = [match.start() for match in found[1:]] + [len(text)]
    return [(match.group(1), line_of(text, match.start()), text[match.end():end]) for match, end in zip(found, ends)]


def check_option(where, body, default, span):
    line = re.search(r'^Default: (.+)\. Range: (.+)\.$', body, re.MULTILINE)
    if not line:
        yield f'{where}: no line of the form "Default: `…`. Range: `…`."'
        return
    if default is not None and line.group(1) != f'`{default}`':
        yield f'{where}: the default is `{default}`, not {line.group(1)}'
    if span is not None and line.group(2) != f'`{span}`':
        yield f'{where}: the range is `{span}`, not {line.group(2)}'
    if not body[line.end():].strip():
        yield f'{where}: its meaning is missing'


def check_options(root):
    text, spans = common.read(root, OPTIONS), ranges(root)
    documented = {}
    for heading, _, body in sections(text, 2):
        struct = re.search(r'`(weir_\w+_options)`', heading)
        if struct:
            documented[struct.group(1)] = (text.index(body), body)
    for struct in STRUCTS:
        if struct not in documented:
            yield f'{OPTIONS}:1: error: there is no section "## … `{struct}`"'
            continue
        start, body = documented[struct]
        first = line_of(text, start) - 1
        try:
            known = defaults(root, struct)
        except ValueError as error:
            yield str(error)
            continue
        expected = [field for field, _ in struct_fields(root, struct)]
        found = {heading.strip('`'): (line + first, text) for heading, line, text in sections(body, 3)}
        for field in expected:
            if field not in found:
                yield f'{OPTIONS}:{first + 1}: error: {struct} has the option {field}'
                continue
            line, option = found[field]
            yield from check_option(f'{OPTIONS}:{line}: error: {field}', option, known.get(field),
                                    spans.get((struct, field)))
        for field, (line, _) in found.items():
            if field not in expected:
                yield f'{OPTIONS}:{line}: error: {struct} has no option {field}'
        if [field for field in found if field in expected] != [field for field in expected if field in found]:
            yield f'{OPTIONS}:{first + 1}: error: the options of {struct} are not in the order of the header'


def check_errors(root):
    text = common.read(root, ERRORS)
    found = {heading.strip('`'): (line, body) for heading, line, body in sections(text, 3)}
    expected = statuses(root)
    for name, value, retriable, meaning in expected:
        if name not in found:
            yield f'{ERRORS}:1: error: {name} is missing'
            continue
        line, body = found[name]
        flat = ' '.join(body.split())
        wanted = f'{value}, {"" if retriable == "true" else "not "}retriable: {meaning}.'
        if not flat.startswith(wanted):
            yield f'{ERRORS}:{line}: error: {name} must begin with "{wanted}"'
        elif len(flat) - len(wanted) < 10:
            yield f'{ERRORS}:{line}: error: what to do about {name} is missing'
    for name, (line, _) in found.items():
        if name not in [row[0] for row in expected]:
            yield f'{ERRORS}:{line}: error: there is no status {name}'


def check_findings(root):
    """docs/check.md has every row of WEIR_FINDING_TABLE, with its severity."""
    text = common.read(root, CHECK)
    found = {heading.strip('`'): (line, body) for heading, line, body in sections(text, 3)}
    rows = re.findall(r'X\(WEIR_FINDING_\w+, WEIR_(\w+), "(.*?)"\)', common.read(root, 'include/weir/check.h'))
    for severity, name in rows:
        if name not in found:
            yield f'{CHECK}:1: error: `{name}` is missing'
        elif not found[name][1].strip().startswith(severity.lower() + '. '):
            yield f'{CHECK}:{found[name][0]}: error: {name} must begin with "{severity.lower()}. "'
    for name, (line, _) in found.items():
        if name not in [row[1] for row in rows]:
            yield f'{CHECK}:{line}: error: there is no finding {name}'


def check_guarantees(root):
    """Each guarantee names tests, as `tests/…: one, two` or by the file alone, over the end of a line as well; and each of
    these exists."""
    text = common.read(root, GUARANTEES)
    bodies = {heading.split('.')[0]: body for heading, _, body in sections(text, 2)}
    for name in (f'G{number_}' for number_ in range(1, 11)):
        if name not in bodies:
            yield f'{GUARANTEES}:1: error: {name} is missing'
        elif not re.search(r'`tests/\w+/\w+\.c', bodies[name]):
            yield f'{GUARANTEES}:1: error: {name} names no test'
    for match in re.finditer(r'`(tests/\w+/\w+\.c)(?::\s+([\w,\s]+?))?`', text):
        where = f'{GUARANTEES}:{line_of(text, match.start())}: error:'
        path = os.path.join(root, match.group(1))
        if not os.path.isfile(path):
            yield f'{where} there is no {match.group(1)}'
            continue
        source = common.read(root, match.group(1))
        for test in re.findall(r'\w+', match.group(2) or ''):
            if not re.search(rf'\b{test}\(void \*\*state\)', source):
                yield f'{where} there is no test {test} in {match.group(1)}'


def check_mentions(root, files):
    names = re.findall(r'#define WEIR_NAME_\w+ "(.*)"', common.read(root, 'lib/job/names.h'))
    scripts = [os.path.basename(path)[:-4] for path in files if path.endswith('.lua')]
    reasons = re.findall(r'X\(WEIR_DEAD_\w+, "(.*?)"\)', common.read(root, 'include/weir/dead.h'))
    text = common.read(root, WIRE_FORMAT)
    for word in names + scripts + reasons:
        if f'`{word}`' not in text:
            yield f'{WIRE_FORMAT}:1: error: `{word}` is missing'
    readme = common.read(root, 'README.md')
    for folder in sorted({path.split('/')[1] for path in files if re.match(r'examples/\w+/', path)}):
        if f'(examples/{folder}' not in readme:
            yield f'README.md:1: error: examples/{folder} is missing in the table'


def check_scripts(root, files):
    """The scripts spell the reserved names out: they are those of lib/job/names.h."""
    names = re.findall(r'#define WEIR_NAME_\w+ "(.*)"', common.read(root, 'lib/job/names.h'))
    for path in files:
        if not path.endswith('.lua'):
            continue
        for number, line in enumerate(common.read(root, path).splitlines(), 1):
            for name in re.findall(r"'(weir\.[^']*)'", line):
                if name not in names:
                    yield f'{path}:{number}: error: {name} is not in lib/job/names.h'


# ---- every page ----


def compile_snippet(root, code):
    """The compiler's words where it doesn't compile, else None."""
    flags, text = [], code
    if not re.search(r'^int main\(', code, re.MULTILINE):
        flags = LENIENT
        if re.search(r'^(static|typedef|struct \w+ \{|weir_\w+ \w+\()', code, re.MULTILINE):
            text = HEADERS + '#line 1\n' + code
        else:
            text = HEADERS + STATEMENTS + '#line 1\n' + code + '}\n'
    run = subprocess.run(COMPILER + flags + ['-I', os.path.join(root, 'include'), '-'], input=text.encode(),
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return run.stdout.decode(errors='replace') if run.returncode != 0 else None


def slugs(text):
    """The anchors of a page's headings."""
    found = []
    for match in re.finditer(r'^#+ (.+)$', FENCE.sub('', text), re.MULTILINE):
        slug = re.sub(r'[^\w\- ]', '', match.group(1).lower()).replace(' ', '-')
        n = found.count(slug)
        found.append(f'{slug}-{n}' if n else slug)
    return found


def check_links(root, path, text):
    for match in re.finditer(r'\[[^\]]*\]\(([^)\s]+)\)', text):
        target, _, fragment = match.group(1).partition('#')
        if re.match(r'\w+:', target):
            continue
        where = f'{path}:{line_of(text, match.start())}: error:'
        name = os.path.normpath(os.path.join(os.path.dirname(path), target)) if target else path
        if not os.path.exists(os.path.join(root, name)):
            yield f'{where} the link leads nowhere: {match.group(1)}'
        elif fragment and fragment not in slugs(common.read(root, name)):
            yield f'{where} there is no heading #{fragment} in {name}'


def check_names(root, path, text, names):
    for match in re.finditer(r'`([^`\n]+)`', text):
        words, where = match.group(1), f'{path}:{line_of(text, match.start())}: error:'
        place = re.fullmatch(r'((?:lib|include|tests|docs|examples)/[\w./-]+\.\w+)(?:: ([\w, ]+))?', words)
        if place:
            full = os.path.join(root, place.group(1))
            if not os.path.isfile(full):
                yield f'{where} there is no {place.group(1)}'
                continue
            source = common.read(root, place.group(1))
            for name in re.split(r', ', place.group(2) or ''):
                if name and not re.search(rf'\b{name}\b', source):
                    yield f'{where} there is no {name} in {place.group(1)}'
        for name in re.findall(r'\b(?:weir|WEIR)_\w+', words):
            name = re.sub(r'_seconds_(bucket|sum|count)$', '_seconds', name)  # what becomes of a histogram
            known = any(word.startswith(name) for word in names) if name.endswith('_') else name in names
            if not known:
                yield f'{where} there is no {name}'


def check_columns(path, text):
    for number_, line in enumerate(text.split('\n'), 1):
        if columns(line) > COLUMNS and not line.lstrip().startswith('|'):
            yield f'{path}:{number_}: error: {columns(line)} columns; {COLUMNS} are allowed'
        if line != line.rstrip():
            yield f'{path}:{number_}: error: white space at the end of the line'


def check_page(root, path, text, names):
    fences = list(FENCE.finditer(text))
    for fence in fences:
        if fence.group(3).split() and fence.group(3).split()[0] == 'c':
            words = compile_snippet(root, fence.group(4))
            if words:
                yield f'{path}:{line_of(text, fence.start())}: error: the snippet does not compile:\n{words}'
    plain = FENCE.sub(lambda match: '\n' * match.group(0).count('\n'), text)
    yield from check_links(root, path, plain)
    yield from check_names(root, path, plain, names)
    yield from check_columns(path, text)


def main(root):
    files = common.source_files(root)
    pages = [path for path in files if path.endswith('.md')]
    names = set()
    for path in files:
        if re.match(r'(include|lib|tests|examples|scripts|meson)', path) and (
                re.search(r'\.(c|h|map|build|lua|txt)$', path) or path.startswith('scripts/')):
            names.update(re.findall(r'\b(?:weir|WEIR)_\w+', common.read(root, path)))
    problems = [f'{path}:1: error: the page is missing' for path in (OPTIONS, ERRORS, CHECK, GUARANTEES, WIRE_FORMAT, 'README.md')
                if path not in files]
    if problems:
        common.finish(problems, pages)
    problems = list(check_options(root)) + list(check_errors(root)) + list(check_mentions(root, files))
    problems += check_scripts(root, files)
    problems += list(check_findings(root)) + list(check_guarantees(root))
    for path in pages:
        problems += check_page(root, path, common.read(root, path), names)
    common.finish(problems, pages)


if __name__ == '__main__':
    main(sys.argv[1])
