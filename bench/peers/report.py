#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes what measure.py measured as tables and as a picture.

    report.py RESULTS.json [--page PAGE.md] [--picture PICTURE.svg]

The tables replace what is between the markers in PAGE; without one they are printed.
"""

import argparse
import json

import chart

BEGIN = '<!-- written by scripts/bench-peers: begin -->'
END = '<!-- written by scripts/bench-peers: end -->'
HEADINGS = {
    'consume': 'Working off a backlog',
    'enqueue': 'Bulk enqueue',
}


def span(spread, form):
    text = form(spread['median'])
    low, high = form(spread['min']), form(spread['max'])
    return text if low == high else f'{text} ({low} … {high})'


def ratio(value):
    return chart.two_digits(value)


def settings(row):
    return ', '.join(f'{name} {value}' for name, value in row['settings'].items())


def system(row):
    """Its name, and what it promises where that is less than the others do."""
    name = f'{row["title"]} {row["version"]}'
    return name if row['delivery'] == 'at least once' else f'{name} ({row["delivery"]})'


def table(header, rows):
    lines = [header, ['---'] * len(header)] + rows
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines)


def rows_of(result, mode):
    """Fastest first."""
    rows = [row for row in result['rows'] if row['mode'] == mode]
    return sorted(rows, key=lambda row: -row['peer_per_s']['median'])


def mode_table(result, mode):
    rows = rows_of(result, mode)
    goals = any('goal' in row for row in rows)
    header = ['system', 'jobs/s (min … max)', 'weir is … times as fast'] + ['wanted'] * goals
    header += ['CPU µs a job', 'server’s CPU µs a job', 'jobs a run', 'settings']
    body = []
    for row in rows:
        line = [system(row), span(row['peer_per_s'], chart.number)]
        line.append(span(row['ratio'], ratio) if 'ratio' in row else '')
        if goals:
            line.append(f'≥ {row["goal"]}' if 'goal' in row else '')
        line += [chart.number(row['cpu_us_per_job']), chart.number(row['server_us_per_job']), f'{row["jobs"]:,}',
                 settings(row)]
        body.append(line)
    return table(header, body)


def tried_table(result):
    body = []
    for mode in HEADINGS:
        for row in sorted(rows_of(result, mode), key=lambda row: row['title'].lower()):
            tried = sorted(row['tried'], key=lambda one: -one['per_s'])
            if len(tried) > 1:
                texts = [f'{settings(one)}: {chart.number(one["per_s"])}' for one in tried]
                body.append([row['title'], HEADINGS[mode].lower(), '; '.join(texts)])
    return table(['system', 'work', 'tried, jobs/s, fastest first'], body) if body else ''


def conditions(result):
    server, machine = result['server'], result['machine']
    rounds = f'Medians of {result["runs"]} rounds' if result['runs'] > 1 else 'One round'
    return (f'{result["date"]}, {machine["cpu"]}, {machine["cpus"]} processors shared by the server and what is measured, '
            f'Linux {machine["kernel"]}; load average before the start: {machine["load_at_start"]}. {server["version"]} on '
            f'loopback TCP, persistence: {server["persistence"]}. Payload: {result["payload"]} bytes. {rounds}.')


def wrap(text, columns=120):
    lines, line = [], ''
    for word in text.split():
        if line and len(line) + 1 + len(word) > columns:
            lines.append(line)
            line = word
        else:
            line = f'{line} {word}'.strip()
    return '\n'.join(lines + [line])


def tables(result):
    """All that goes between the markers."""
    parts = [wrap(conditions(result))]
    if result['machine']['load_at_start'] > 0.5 * result['machine']['cpus']:
        parts.append('**The machine was busy with something else: the figures mean little, and the ratios not much.**')
    for mode, heading in HEADINGS.items():
        parts += [f'### {heading}', mode_table(result, mode)]
    if result['absent']:
        parts += ['### Not measured', '\n'.join(f'- {one["title"]}: {one["reason"]}' for one in result['absent'])]
    tried = tried_table(result)
    if tried:
        parts += ['### Settings tried', tried]
    return '\n\n'.join(parts)


def put(page, text):
    before, marked, rest = page.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not marked or not ended:
        raise SystemExit(f'report.py: the page has no lines "{BEGIN}" and "{END}"')
    return f'{before}{BEGIN}\n\n{text}\n\n{END}{after}'


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('results')
    parser.add_argument('--page')
    parser.add_argument('--picture')
    arguments = parser.parse_args()
    with open(arguments.results, encoding='utf-8') as file:
        result = json.load(file)
    text = tables(result)
    if arguments.page:
        with open(arguments.page, encoding='utf-8') as file:
            page = put(file.read(), text)
        with open(arguments.page, 'w', encoding='utf-8') as file:
            file.write(page)
    else:
        print(text)
    if arguments.picture:
        with open(arguments.picture, 'w', encoding='utf-8') as file:
            file.write(chart.draw(result))


if __name__ == '__main__':
    main()
