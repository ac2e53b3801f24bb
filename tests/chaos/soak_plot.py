#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws what a soak has sampled.

    soak_plot.py SAMPLES.tsv PICTURE.svg

A panel for each column, over time: the range of the values in each of its steps as a band, their middle as a line. The
picture brings its own background, and follows the reader's choice of light or dark.
"""

import math
import statistics
import sys

COLUMNS, PANEL, HEIGHT, GAP, LEFT, TOP = 3, 300, 110, 46, 64, 64
STEPS = 120
NAMES = {
    'worker_rss_kb': 'worker: memory, MB', 'worker_fds': 'worker: descriptors', 'worker_threads': 'worker: threads',
    'producer_rss_kb': 'producer: memory, MB', 'producer_fds': 'producer: descriptors',
    'producer_threads': 'producer: threads', 'redis_memory_kb': 'Redis: memory, MB', 'redis_clients': 'Redis: clients',
    'consumers': 'consumers', 'keys': 'keys', 'stream_entries': 'entries of the stream', 'delayed_jobs': 'delayed jobs',
}
STYLE = '''
  svg { font-family: system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; font-size: 12px; }
  .card { fill: #ffffff; stroke: #d0d5db; }
  .title { fill: #1b2127; font-size: 16px; font-weight: 600; }
  .name { fill: #1b2127; font-weight: 600; }
  .quiet { fill: #59636e; }
  .axis { stroke: #d0d5db; }
  .band { fill: #0b5fa5; fill-opacity: 0.18; stroke: none; }
  .line { fill: none; stroke: #0b5fa5; stroke-width: 1.6; }
  @media (prefers-color-scheme: dark) {
    .card { fill: #14181d; stroke: #39424c; }
    .title, .name { fill: #e8ecf0; }
    .quiet { fill: #a3adb8; }
    .axis { stroke: #39424c; }
    .band { fill: #7cc0ff; }
    .line { stroke: #7cc0ff; }
  }
'''


def read(path):
    """The column names without the time, the times in seconds, and the values of each column."""
    with open(path, encoding='utf-8') as file:
        names = file.readline().split()[1:]
        rows = [[float(word) for word in line.split()] for line in file]
    rows = [row for row in rows if len(row) == len(names) + 1]
    return names, [row[0] for row in rows], {name: [row[i + 1] for row in rows] for i, name in enumerate(names)}


def steps(times, values):
    """[(time, least, middle, most)]"""
    size = max(1, math.ceil(len(values) / STEPS))
    groups = [(times[i:i + size], values[i:i + size]) for i in range(0, len(values), size)]
    return [(statistics.mean(t), min(v), statistics.median(v), max(v)) for t, v in groups]


def number(value):
    return f'{value:,.0f}' if value >= 100 or value == int(value) else f'{value:.1f}'


def panel(name, times, values, x, y):
    if name.endswith('_kb'):
        values = [value / 1024 for value in values]
    top = max(values) * 1.15 or 1
    span = times[-1] or 1

    def at(time, value):
        return f'{x + time / span * PANEL:.1f},{y + HEIGHT - value / top * HEIGHT:.1f}'

    points = steps(times, values)
    upper = ' '.join(at(time, most) for time, _, _, most in points)
    lower = ' '.join(at(time, least) for time, least, _, _ in reversed(points))
    middle = ' '.join(at(time, value) for time, _, value, _ in points)
    return [
        f'<text class="name" x="{x}" y="{y - 8}">{NAMES.get(name, name)}</text>',
        f'<path class="axis" d="M{x} {y} V{y + HEIGHT} H{x + PANEL}" fill="none"/>',
        f'<text class="quiet" x="{x - 6}" y="{y + HEIGHT}" text-anchor="end">0</text>',
        f'<text class="quiet" x="{x - 6}" y="{y + 10}" text-anchor="end">{number(top)}</text>',
        f'<polygon class="band" points="{upper} {lower}"/>',
        f'<polyline class="line" points="{middle}"/>',
    ]


def draw(path):
    names, times, values = read(path)
    rows = math.ceil(len(names) / COLUMNS)
    width = LEFT + COLUMNS * (PANEL + LEFT)
    height = TOP + rows * (HEIGHT + GAP)
    minutes = times[-1] / 60
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        f'<title>What a soak of {minutes:.0f} minutes has sampled</title>',
        f'<style>{STYLE}</style>',
        f'<rect class="card" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>',
        f'<text class="title" x="{LEFT}" y="28">{minutes:.0f} minutes under load and faults, {len(times)} samples</text>',
    ]
    for i, name in enumerate(names):
        x = LEFT + i % COLUMNS * (PANEL + LEFT)
        y = TOP + i // COLUMNS * (HEIGHT + GAP)
        lines += panel(name, times, values[name], x, y)
    return '\n'.join(lines + ['</svg>', ''])


def main():
    picture = draw(sys.argv[1])
    with open(sys.argv[2], 'w', encoding='utf-8') as file:
        file.write(picture)


if __name__ == '__main__':
    main()
