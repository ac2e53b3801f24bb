#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes what weir-bench measured into the report.

    performance.py RESULTS [--peers PEERS.json] [--page PAGE.md] [--pictures DIR]

RESULTS: a folder of weir-bench's JSON, a file for each subcommand: consume.json, consume-aof.json, …, and machine.json.
Tables replace what is between the markers in PAGE; without one they are printed. Pictures go into DIR.
"""

import argparse
import glob
import json
import os

import chart
from goals import find, goals, plain

BEGIN = '<!-- written by scripts/bench: {}: begin -->'
END = '<!-- written by scripts/bench: {}: end -->'
SETTINGS = {'': 'no persistence', '-aof': 'AOF, fsync every second', '-far': '1 ms of added round trip'}


# ---- numbers ----

def number(value):
    """Three digits are all that a measurement has."""
    if value is None:
        return '–'
    if abs(value) >= 1000:
        digits = len(str(int(abs(value)))) - 3
        return f'{round(value, -digits):,.0f}'
    return f'{value:.3g}'


def spread_text(spread, form=number, unit=''):
    text, low, high = form(spread['median']), form(spread['min']), form(spread['max'])
    return f'{text}{unit}' if low == high else f'{text}{unit} ({low} … {high})'


def cell(row, name):
    value = row.get(name)
    if value is None:
        return ''
    if isinstance(value, dict):
        return spread_text(value, plain)
    if isinstance(value, str):
        return value
    if name + '_min' in row:
        return spread_text(figure(row, name))
    return number(value)


def figure(row, name):
    return {'min': row[name + '_min'], 'median': row[name], 'max': row[name + '_max']}


def table(header, rows):
    lines = [header, ['---'] * len(header)] + rows
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines)


def rows_table(result, columns, rows=None):
    """columns: [(heading, the cell's name)]; those that no row has are left out."""
    rows = result['rows'] if rows is None else rows
    kept = [(heading, name) for heading, name in columns if any(name in row for row in rows)]
    return table([heading for heading, _ in kept], [[cell(row, name) for _, name in kept] for row in rows])


# ---- tables ----

RATES = [('limit, jobs/s', 'reference_per_s'), ('weir, jobs/s', 'weir_per_s'), ('of the limit', 'ratio'),
         ('limit, CPU µs a job', 'reference_cpu_us'), ('weir, CPU µs a job', 'weir_cpu_us'), ('CPU', 'cpu_ratio'),
         ('server\'s CPU µs a job', 'weir_server_cpu_us'), ('server\'s CPU', 'server_cpu_ratio')]

TABLES = {
    'limit': ('The limit', [('work', 'work'), ('reads outstanding', 'outstanding_reads'), ('batch', 'batch'),
                            ('jobs/s', 'reference_per_s'), ('CPU µs a job', 'reference_cpu_us'),
                            ('server\'s CPU µs a job', 'server_cpu_us')]),
    'enqueue': ('Enqueue', [('calls', 'mode'), ('threads', 'threads'), *RATES[:3], *RATES[4:5],
                            ('against one thread', 'speedup_ratio')]),
    'consume': ('Consume', [('concurrency', 'concurrency'), ('retention', 'retention'), *RATES]),
    'latency': ('Latency', [('jobs/s', 'jobs_per_s'), ('bare p50, µs', 'reference_p50_us'), ('weir p50, µs', 'weir_p50_us'),
                            ('p50', 'ratio'), ('bare p99, µs', 'reference_p99_us'), ('weir p99, µs', 'weir_p99_us'),
                            ('p99', 'p99_ratio'), ('bare p99.9, µs', 'reference_p99_9_us'),
                            ('weir p99.9, µs', 'weir_p99_9_us'), ('bare max, µs', 'reference_max_us'),
                            ('weir max, µs', 'weir_max_us')]),
    'e2e': ('Producer and worker at once',
            [('bare, jobs/s', 'reference_per_s'), ('weir, jobs/s', 'weir_per_s'), ('ratio', 'ratio'),
             ('bare worker, CPU µs a job', 'reference_worker_cpu_us'), ('weir\'s worker', 'weir_worker_cpu_us'),
             ('bare producer', 'reference_producer_cpu_us'), ('weir\'s producer', 'weir_producer_cpu_us'),
             ('server with bare', 'reference_server_cpu_us'), ('server with weir', 'weir_server_cpu_us')]),
    'memory': ('Memory', [('jobs in flight', 'jobs'), ('bytes a job', 'weir_bytes_a_job'),
                          ('of it fetched', 'weir_fetched_bytes_a_job')]),
    'claim': ('Taking over', [('pending for the dead', 'pending'), ('bare, jobs/s', 'reference_per_s'),
                              ('weir, jobs/s', 'weir_per_s'), ('ratio', 'ratio'), ('weir, ms until all have run', 'weir_ms')]),
    'idle': ('Idle queues', [('queues', 'queues'), ('% of a core', 'weir_cpu_percent'),
                             ('% a queue', 'weir_cpu_percent_a_queue'), ('wake-ups/s', 'weir_wakeups_a_second'),
                             ('commands/s', 'weir_commands_a_second'), ('commands/s a queue', 'weir_commands_a_second_a_queue'),
                             ('threads', 'weir_threads'), ('connections', 'weir_connections')]),
    'flood': ('The control plane under a flood',
              [('', 'what'), ('in peace, jobs/s', 'calm_per_s'), ('flooded, jobs/s', 'flooded_per_s'), ('ratio', 'ratio'),
               ('answers/s', 'answers_a_second'), ('requests answered', 'answered_a_run'),
               ('nonsense', 'nonsense_a_run'), ('slow connections', 'slow_connections_a_run'),
               ('cut off', 'cut_off_a_run')]),
    'codec': ('Mappers', [('', 'what'), ('by hand, ns', 'reference_ns'), ('generated, ns', 'weir_ns'), ('ratio', 'ratio')]),
}
MORE = {  # further tables of the same subcommand: what the rows are, and their columns
    'memory': [('growth', [('concurrency', 'concurrency'), ('jobs', 'jobs'), ('growth, bytes', 'weir_resident_growth_bytes'),
                           ('allocations', 'weir_allocations'), ('allocations a job', 'weir_allocations_a_job')]),
               ('backlog', [('backlog', 'backlog'), ('µs a job', 'weir_job_us'), ('against the smallest', 'ratio'),
                            ('worker\'s CPU µs a job', 'weir_worker_cpu_us'),
                            ('server\'s CPU µs a job', 'weir_server_cpu_us')])],
    'claim': [('nothing to take over', [('pending for the living', 'pending'), ('commands/s', 'weir_commands_a_second'),
                                        ('server\'s µs a second', 'weir_server_us_a_second'),
                                        ('XAUTOCLAIMs', 'weir_claim_calls'), ('µs each', 'weir_us_a_claim_call'),
                                        ('slowest command, µs', 'weir_slowest_command_us')])],
}
FIRST = {'memory': 'in flight', 'claim': 'take over'}


def bench_tables(name, result):
    """A subcommand's tables, one after the other."""
    columns = TABLES[name][1]
    first = [row for row in result['rows'] if name not in FIRST or row['what'] == FIRST[name]]
    parts = [rows_table(result, columns, first)]
    for what, more in MORE.get(name, []):
        rows = [row for row in result['rows'] if row['what'] == what]
        if rows:
            parts.append(rows_table(result, more, rows))
    if result['notes']:
        parts.append(wrap(' '.join(note[0].upper() + note[1:].rstrip('.') + '.' for note in result['notes'])))
    return '\n\n'.join(parts)


def wrap(text, columns=120):
    lines, line = [], ''
    for word in text.split():
        if line and len(line) + 1 + len(word) > columns:
            lines.append(line)
            line = word
        else:
            line = f'{line} {word}'.strip()
    return '\n'.join(lines + [line])


def results_text(results, has_peers):
    parts = []
    for name, (heading, _) in TABLES.items():
        if name not in results:
            continue
        parts.append(f'### {heading}')
        if os.path.basename(picture_of(name)) in PICTURES:
            parts.append(f'![{heading}]({picture_of(name)})')
        parts.append(bench_tables(name, results[name]))
        for suffix, words in list(SETTINGS.items())[1:]:
            if name + suffix in results:
                parts += [f'The same with {words}:', bench_tables(name, results[name + suffix])]
    if has_peers:
        parts += ['### Other job queues', '![Other job queues](peers.svg)',
                  wrap('On the same server, each at its best settings: [the page about the peers](performance-peers.md) '
                       'has the tables, and says how they were measured.')]
    return '\n\n'.join(parts)


def goals_text(results, peers):
    rows = []
    for work, goal, spread, reached, unit in goals(results, peers):
        measured = spread_text(spread, plain, unit) if spread else 'not measured'
        rows.append([work, goal, measured, {True: 'yes', False: '**no**', None: ''}[reached]])
    return table(['work', 'to reach', 'measured', 'reached'], rows)


def machine_text(machine):
    text = table(['', ''], [[name, str(value)] for name, value in machine['facts'].items()])
    if machine['load'] > 0.5 * machine['cores']:
        text += ('\n\n**Something else was running on the machine (load average before the start: '
                 f'{machine["load"]:.1f}): only the ratios mean anything.**')
    return text


# ---- pictures ----

def picture_of(name):
    return f'performance-{name}.svg'


def one_or_none(row, names):
    """Figures of the row that a logarithmic scale can show."""
    return [(kind, figure(row, name)) for kind, name in names if row.get(name + '_min') and row[name + '_min'] > 0]


def draw_consume(result):
    rows = []
    for row in result['rows']:
        name = f'concurrency {row["concurrency"]}' + (', trimming' if row['retention'] != 'all' else '')
        rows.append((name, [('', figure(row, 'reference_per_s')), ('weir', figure(row, 'weir_per_s'))],
                     f'{plain(row["ratio"]["median"])} of the limit'))
    return chart.draw('Read, run, ack', 'jobs a second', [('', 'bare hiredis'), ('weir', 'weir')], rows, chart.Linear)


def draw_enqueue(result):
    rows = []
    for row in result['rows']:
        name = 'bulk' if row['mode'] == 'bulk' else f'single, {row["threads"]} thread{"s" * (row["threads"] > 1)}'
        rows.append((name, [('weir', figure(row, 'weir_per_s'))], number(row['weir_per_s']) + '/s'))
    bulk = find(result, mode='bulk')
    rows.append(('bare pipeline', [('', figure(bulk, 'reference_per_s'))], number(bulk['reference_per_s']) + '/s'))
    return chart.draw('Enqueue', 'jobs a second', [('', 'bare hiredis'), ('weir', 'weir')], rows)


def draw_latency(result):
    rows = []
    for row in result['rows']:
        for quantile in ('p50', 'p99', 'p99_9', 'max'):
            names = [('', f'reference_{quantile}_us'), ('weir', f'weir_{quantile}_us')]
            rows.append((f'{chart.short(row["jobs_per_s"])}/s, {quantile.replace("_", ".")}', one_or_none(row, names),
                         ' / '.join(number(row[name]) for _, name in names) + ' µs'))
    return chart.draw('From enqueue to handler', 'microseconds', [('', 'bare pair'), ('weir', 'weir')], rows)


def draw_memory(result):
    rows = [(f'backlog {chart.short(row["backlog"])}', [('weir', figure(row, 'weir_job_us'))],
             number(row['weir_job_us']) + ' µs') for row in result['rows'] if row['what'] == 'backlog']
    return chart.draw('A job while others wait', 'microseconds a job', [('weir', 'weir')], rows, chart.Linear)


DRAW = {'consume': draw_consume, 'enqueue': draw_enqueue, 'latency': draw_latency, 'memory': draw_memory}
PICTURES = {picture_of(name) for name in DRAW}


# ---- the page ----

def put(page, name, text):
    begin, end = BEGIN.format(name), END.format(name)
    before, marked, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if not marked or not ended:
        raise SystemExit(f'performance.py: the page has no lines "{begin}" and "{end}"')
    return f'{before}{begin}\n\n{text}\n\n{end}{after}'


def read(path):
    with open(path, encoding='utf-8') as file:
        return json.load(file)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('results')
    parser.add_argument('--peers')
    parser.add_argument('--page')
    parser.add_argument('--pictures')
    arguments = parser.parse_args()
    results = {os.path.basename(path)[:-len('.json')]: read(path)
               for path in glob.glob(os.path.join(arguments.results, '*.json'))}
    machine = results.pop('machine')
    peers = read(arguments.peers) if arguments.peers and os.path.exists(arguments.peers) else None
    sections = {'machine': machine_text(machine), 'goals': goals_text(results, peers),
                'results': results_text(results, peers is not None)}
    if arguments.page:
        with open(arguments.page, encoding='utf-8') as file:
            page = file.read()
        for name, text in sections.items():
            page = put(page, name, text)
        with open(arguments.page, 'w', encoding='utf-8') as file:
            file.write(page)
    else:
        print('\n\n'.join(sections.values()))
    if arguments.pictures:
        for name, draw in DRAW.items():
            if name in results:
                with open(os.path.join(arguments.pictures, picture_of(name)), 'w', encoding='utf-8') as file:
                    file.write(draw(results[name]))


if __name__ == '__main__':
    main()
