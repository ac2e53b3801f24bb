# SPDX-License-Identifier: MIT
"""The speed to reach, and what was measured of it."""


def find(result, **parameters):
    """The row with these parameters, or None."""
    for row in (result or {}).get('rows', []):
        if all(row.get(name) == value for name, value in parameters.items()):
            return row
    return None


def spread_of(row, name):
    return row.get(name) if row else None


def figure_of(row, name):
    value = row.get(name) if row else None
    return {'min': value, 'median': value, 'max': value} if value is not None else None


def plain(value):
    return f'{value:.2f}' if value >= 0.095 or value == 0 else f'{value:.2g}'


def goals(results, peers):
    """[(work, goal's words, measured spread or None, reached, form)]; results: {name: weir-bench's JSON}."""
    enqueue, consume, memory = results.get('enqueue'), results.get('consume'), results.get('memory')
    latency, idle, flood = results.get('latency'), results.get('idle'), results.get('flood')

    def drained(concurrency):
        return find(consume, concurrency=concurrency, retention='all')

    at_1000 = find(latency, jobs_per_s=1000)
    one_queue, many = find(idle, queues=1), find(idle, queues=100)
    growth = find(memory, what='growth')
    rows = [
        ('bulk enqueue, of the limit', 0.95, '≥', spread_of(find(enqueue, mode='bulk'), 'ratio'), ''),
        ('consume and ack, concurrency 1000, of the limit', 0.95, '≥', spread_of(drained(1000), 'ratio'), ''),
        ('consume and ack, concurrency 100, of the limit', 0.95, '≥', spread_of(drained(100), 'ratio'), ''),
        ('consume and ack, concurrency 10, of the limit', 0.9, '≥', spread_of(drained(10), 'ratio'), ''),
        ('consume and ack, concurrency 1, of the limit', 0.5, '≥', spread_of(drained(1), 'ratio'), ''),
        ('single enqueue, 16 threads against one', 8, '≥',
         spread_of(find(enqueue, mode='single', threads=16), 'speedup_ratio'), ' ×'),
        ('latency p50 at 1000 jobs/s, of the bare pair', 1.3, '≤', spread_of(at_1000, 'ratio'), ' ×'),
        ('latency p99 at 1000 jobs/s, of the bare pair', 2, '≤', spread_of(at_1000, 'p99_ratio'), ' ×'),
        ('worker CPU a job (concurrency 100), of the limit program\'s', 0.8, '≤', spread_of(drained(100), 'cpu_ratio'),
         ' ×'),
        ('allocations a job, steady state', 0.001, '<', figure_of(growth, 'weir_allocations_a_job'), ''),
        ('resident growth over 5 million jobs, MB', 5, '<',
         figure_of({'mb': growth['weir_resident_growth_bytes'] / 1e6} if growth else None, 'mb'), ''),
        ('time a job with 10 million waiting, of that with 1 thousand', 1.1, '≤',
         spread_of(find(memory, what='backlog', backlog=10000000), 'ratio'), ' ×'),
        ('idle queue, % of a core', 0.1, '<', figure_of(one_queue, 'weir_cpu_percent_a_queue'), ''),
        ('each of 100 idle queues, % of a core', 0.1, '<', figure_of(many, 'weir_cpu_percent_a_queue'), ''),
        ('idle queue, commands/s', 3, '<', figure_of(one_queue, 'weir_commands_a_second_a_queue'), ''),
        ('jobs of 5 ms while the control plane is flooded, of those in peace', 0.95, '≥',
         spread_of(find(flood, what='handlers of 5 ms'), 'ratio'), ''),
    ]
    for row in (peers or {}).get('rows', []):
        if 'goal' in row and 'ratio' in row:
            rows.append((f'against {row["title"]}, {row["mode"]}', row['goal'], '≥', row['ratio'], ' ×'))
    checked = []
    for work, goal, relation, spread, unit in rows:
        reached = None
        if spread:
            value = spread['median']
            reached = {'≥': value >= goal, '≤': value <= goal, '<': value < goal}[relation]
        checked.append((work, f'{relation} {goal:g}{unit}', spread, reached, unit))
    return checked
