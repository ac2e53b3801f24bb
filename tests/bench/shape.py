#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One subcommand of weir-bench, run tiny: its JSON has the promised shape, and its table the same columns.

    shape.py PROGRAM SUBCOMMAND
"""

import json
import shutil
import subprocess
import sys

RATE = ['reference_per_s', 'weir_per_s', 'ratio', 'reference_cpu_us', 'weir_cpu_us', 'cpu_ratio']

# subcommand: the names that each row has, and the rows that there are, by some of their parameters
EXPECTED = {
    'limit': (['work', 'batch', 'reference_per_s', 'reference_cpu_us', 'server_cpu_us'],
              [{'work': 'enqueue'}, {'work': 'consume', 'outstanding_reads': 1}]),
    'enqueue': (['mode', 'threads', *RATE],
                [{'mode': 'single', 'threads': 1}, {'mode': 'single', 'threads': 4}, {'mode': 'bulk'}]),
    'e2e': (['reference_per_s', 'weir_per_s', 'ratio', 'weir_worker_cpu_us', 'worker_cpu_ratio',
             'weir_producer_cpu_us', 'producer_cpu_ratio', 'weir_server_cpu_us'], [{'concurrency': 100}]),
    'memory': (['what'], [{'what': 'in flight', 'jobs': 100}, {'what': 'growth', 'jobs': 2000},
                          {'what': 'backlog', 'backlog': 1000}, {'what': 'backlog', 'backlog': 20000}]),
    'claim': (['what', 'pending'], [{'what': 'take over', 'pending': 1000}, {'what': 'nothing to take over', 'pending': 0},
                                    {'what': 'nothing to take over', 'pending': 1000}]),
    'idle': (['queues', 'weir_cpu_percent', 'weir_wakeups_a_second', 'weir_commands_a_second', 'weir_threads',
              'weir_connections'], [{'queues': 1}, {'queues': 3}]),
    'flood': (['what', 'jobs', 'calm_per_s', 'flooded_per_s', 'ratio', 'answers_a_second', 'answered_a_run', 'nonsense_a_run',
               'slow_connections_a_run', 'cut_off_a_run'],
              [{'what': 'handlers of 5 ms'}, {'what': 'handlers that do nothing'}]),
    'codec': (['what', 'reference_ns', 'weir_ns', 'ratio'], [{'what': 'encode'}, {'what': 'decode'}]),
    'latency': (['jobs_per_s', 'jobs', 'reference_p50_us', 'weir_p50_us', 'ratio', 'weir_p99_us', 'p99_ratio',
                 'weir_p99_9_us', 'weir_max_us'], [{'jobs_per_s': 1}, {'jobs_per_s': 1000}, {'jobs_per_s': 20000}]),
    'consume': (['concurrency', 'retention', *RATE],
                [{'concurrency': 1, 'retention': 'all'}, {'concurrency': 100, 'retention': 'unfinished'}]),
}


def run(program, subcommand, *options):
    process = subprocess.run([program, subcommand, '--quick', *options], stdout=subprocess.PIPE, check=True, timeout=170)
    return process.stdout.decode()


def check_number(value, where):
    assert isinstance(value, (int, float)) and not isinstance(value, bool), f'{where}: {value!r} is no number'


def check_row(row, names):
    for name in names:
        assert name in row, f'{name} is missing in {row}'
    for name, value in row.items():
        if name == 'ratio' or name.endswith('_ratio'):
            assert set(value) == {'min', 'median', 'max'}, f'{name}: {value}'
            for each in value.values():
                check_number(each, name)
            assert value['min'] <= value['median'] <= value['max'], f'{name}: {value}'
        elif name + '_min' in row:
            assert row[name + '_min'] <= value <= row[name + '_max'], f'{name}: {row}'
        if name.endswith('_per_s'):
            assert value > 0, f'{name}: {row}'


def main(program, subcommand):
    if shutil.which('redis-server') is None:
        print("redis-server isn't installed")
        sys.exit(77)
    names, rows = EXPECTED[subcommand]
    result = json.loads(run(program, subcommand, '--json'))
    assert result['bench'] == subcommand, result['bench']
    assert result['server']['name'] in ('redis', 'valkey'), result['server']
    assert result['server']['where'] == 'private, started for this', result['server']
    assert result['rows'], 'no rows'
    for row in result['rows']:
        check_row(row, names)
    for wanted in rows:
        assert any(wanted.items() <= row.items() for row in result['rows']), f'there is no row {wanted}'

    words = run(program, subcommand).split()
    for name in names:
        assert name in words, f'{name} is missing in the table'


main(*sys.argv[1:])
