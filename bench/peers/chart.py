# SPDX-License-Identifier: MIT
"""The figures of measure.py as an SVG: for each mode a dot a system on a logarithmic scale, with a line from the slowest
to the fastest run. It brings its own background, and follows the reader's choice of light or dark."""

import math
from html import escape

WIDTH, LEFT, RIGHT = 760, 150, 212
SPEED, RATIO = WIDTH - 118, WIDTH - 104  # columns: one ends there, the other starts there
ROW, HEAD, FOOT, GAP = 30, 66, 34, 18
TITLES = {'consume': 'Working off a backlog', 'enqueue': 'Bulk enqueue'}
STYLE = '''
  svg { font-family: system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; font-size: 13px; }
  .card { fill: #ffffff; stroke: #d0d5db; }
  .title { fill: #1b2127; font-size: 16px; font-weight: 600; }
  .name, .value { fill: #1b2127; }
  .weir { font-weight: 600; }
  .quiet { fill: #59636e; font-size: 12px; }
  .grid { stroke: #e3e7eb; }
  .range { stroke: #7d8894; stroke-width: 3; stroke-linecap: round; }
  .dot { fill: #59636e; }
  .range.weir { stroke: #2f7fc4; }
  .dot.weir { fill: #0b5fa5; }
  @media (prefers-color-scheme: dark) {
    .card { fill: #14181d; stroke: #39424c; }
    .title, .name, .value { fill: #e8ecf0; }
    .quiet { fill: #a3adb8; }
    .grid { stroke: #2a323a; }
    .range { stroke: #76828e; }
    .dot { fill: #aab4be; }
    .range.weir { stroke: #3f8fd6; }
    .dot.weir { fill: #7cc0ff; }
  }
'''


def number(value):
    """Three digits are all that a measurement has."""
    if value >= 1000:
        digits = len(str(int(value))) - 3
        return f'{round(value, -digits):,.0f}'
    return f'{value:.3g}'


def short(value):
    """1000 as 1k, 1000000 as 1M."""
    for limit, letter in ((10**6, 'M'), (10**3, 'k')):
        if value >= limit:
            return f'{value / limit:g}{letter}'
    return f'{value:g}'


def two_digits(value):
    """A ratio with as many digits as it has meaning."""
    return f'{value:.0f}' if value >= 9.5 else f'{value:.1f}'


class Scale:
    """Powers of ten around all values."""

    def __init__(self, values):
        self.low = math.floor(math.log10(min(values)))
        self.high = max(math.ceil(math.log10(max(values))), self.low + 1)

    def x(self, value):
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def ticks(self):
        return [10 ** power for power in range(self.low, self.high + 1)]


def panel(mode, rows, scale, top):
    """One mode. Returns the lines of SVG and the height."""
    rows = sorted(rows, key=lambda row: -row['peer_per_s']['median'])
    height = HEAD + ROW * len(rows) + FOOT
    bottom = top + HEAD + ROW * len(rows)
    lines = [f'<rect class="card" x="0.5" y="{top + 0.5}" width="{WIDTH - 1}" height="{height - 1}" rx="6"/>',
             f'<text class="title" x="20" y="{top + 30}">{TITLES[mode]}</text>',
             f'<text class="quiet" x="20" y="{top + 48}">jobs a second, logarithmic scale; median, slowest and fastest '
             'run</text>',
             f'<text class="quiet" x="{SPEED}" y="{top + 48}" text-anchor="end">jobs/s</text>',
             f'<text class="quiet" x="{RATIO}" y="{top + 48}">weir against it</text>']
    for tick in scale.ticks():
        x = scale.x(tick)
        lines += [f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top + HEAD - 6}" y2="{bottom}"/>',
                  f'<text class="quiet" x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{short(tick)}</text>']
    for place, row in enumerate(rows):
        y = top + HEAD + ROW * place + ROW // 2
        kind = ' weir' if row['peer'] == 'weir' else ''
        speed = row['peer_per_s']
        lines += [f'<text class="name{kind}" x="{LEFT - 14}" y="{y + 4}" text-anchor="end">{escape(row["title"])} '
                  f'<tspan class="quiet">{escape(row["version"])}</tspan></text>',
                  f'<line class="range{kind}" x1="{scale.x(speed["min"]):.1f}" x2="{scale.x(speed["max"]):.1f}" '
                  f'y1="{y}" y2="{y}"/>',
                  f'<circle class="dot{kind}" cx="{scale.x(speed["median"]):.1f}" cy="{y}" r="5"/>',
                  f'<text class="value{kind}" x="{SPEED}" y="{y + 4}" text-anchor="end">{number(speed["median"])}</text>']
        if 'ratio' in row:
            lines.append(f'<text class="value" x="{RATIO}" y="{y + 4}">{two_digits(row["ratio"]["median"])} ×</text>')
    return lines, height


def draw(result):
    """The whole picture, as text."""
    scale = Scale([row['peer_per_s'][name] for row in result['rows'] for name in ('min', 'max')])
    body, top, words = [], 0, []
    for mode in ('consume', 'enqueue'):
        rows = [row for row in result['rows'] if row['mode'] == mode]
        if not rows:
            continue
        lines, height = panel(mode, rows, scale, top)
        body += lines
        top += height + GAP
        words.append(TITLES[mode] + ': ' + ', '.join(f'{row["title"]} {number(row["peer_per_s"]["median"])}' for row in rows))
    height = top - GAP
    head = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
            'role="img" aria-labelledby="what words">', '<title id="what">weir and its peers, jobs a second</title>',
            f'<desc id="words">{escape(". ".join(words))}</desc>', f'<style>{STYLE}</style>']
    return '\n'.join(head + body + ['</svg>']) + '\n'
