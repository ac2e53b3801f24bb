# SPDX-License-Identifier: MIT
"""A picture of measured values as SVG: a line for each case, a dot for each median, a bar from the least to the largest
run. It brings its own background, and follows the reader's choice of light or dark."""

import math
from html import escape

WIDTH, LEFT, RIGHT = 760, 170, 150
ROW, HEAD, FOOT = 30, 84, 30
STYLE = '''
  svg { font-family: system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; font-size: 13px; }
  .card { fill: #ffffff; stroke: #d0d5db; }
  .title { fill: #1b2127; font-size: 16px; font-weight: 600; }
  .name, .value { fill: #1b2127; }
  .quiet { fill: #59636e; font-size: 12px; }
  .grid { stroke: #e3e7eb; }
  .mark { stroke: #59636e; stroke-dasharray: 4 4; }
  .range { stroke: #7d8894; stroke-width: 3; stroke-linecap: round; }
  .dot { fill: #59636e; }
  .range.weir { stroke: #2f7fc4; }
  .dot.weir { fill: #0b5fa5; }
  @media (prefers-color-scheme: dark) {
    .card { fill: #14181d; stroke: #39424c; }
    .title, .name, .value { fill: #e8ecf0; }
    .quiet { fill: #a3adb8; }
    .grid { stroke: #2a323a; }
    .mark { stroke: #a3adb8; }
    .range { stroke: #76828e; }
    .dot { fill: #aab4be; }
    .range.weir { stroke: #3f8fd6; }
    .dot.weir { fill: #7cc0ff; }
  }
'''


def short(value):
    """1000 as 1k, 1000000 as 1M."""
    for limit, letter in ((10**6, 'M'), (10**3, 'k')):
        if value >= limit:
            return f'{value / limit:g}{letter}'
    return f'{value:g}'


class Logarithmic:
    """Powers of ten around all values."""

    words = 'logarithmic scale'

    def __init__(self, values):
        self.low = math.floor(math.log10(min(values)))
        self.high = max(math.ceil(math.log10(max(values))), self.low + 1)

    def share(self, value):
        return (math.log10(value) - self.low) / (self.high - self.low)

    def ticks(self):
        return [10.0 ** power for power in range(self.low, self.high + 1)]


class Linear:
    """From zero."""

    words = 'linear scale from 0'

    def __init__(self, values):
        largest = max(values)
        power = 10.0 ** math.floor(math.log10(largest))
        self.step = next(power * factor for factor in (0.2, 0.5, 1, 2) if largest / (power * factor) <= 7)
        self.high = self.step * math.ceil(largest / self.step)

    def share(self, value):
        return value / self.high

    def ticks(self):
        return [round(self.step * i, 9) for i in range(round(self.high / self.step) + 1)]


def dots(rows, scale, top):
    """The rows' names, ranges, dots and words."""
    lines = []
    for number, (name, points, words) in enumerate(rows):
        y = top + ROW * number + ROW // 2
        lines.append(f'<text class="name" x="{LEFT - 14}" y="{y + 4}" text-anchor="end">{escape(name)}</text>')
        for place, (kind, spread) in enumerate(points):
            x = {each: LEFT + scale.share(spread[each]) * (WIDTH - LEFT - RIGHT) for each in spread}
            at = y + (place - (len(points) - 1) / 2) * 8
            lines += [f'<line class="range {kind}" x1="{x["min"]:.1f}" x2="{x["max"]:.1f}" y1="{at}" y2="{at}"/>',
                      f'<circle class="dot {kind}" cx="{x["median"]:.1f}" cy="{at}" r="5"/>']
        lines.append(f'<text class="value" x="{WIDTH - RIGHT + 20}" y="{y + 4}">{escape(words)}</text>')
    return lines


def grid(scale, top, bottom, mark):
    """The lines behind the dots; `mark`: a value that has a line of its own, or None."""
    lines = []
    for tick in scale.ticks():
        x = LEFT + scale.share(tick) * (WIDTH - LEFT - RIGHT)
        lines += [f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top - 6}" y2="{bottom}"/>',
                  f'<text class="quiet" x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{short(tick)}</text>']
    if mark is not None:
        x = LEFT + scale.share(mark) * (WIDTH - LEFT - RIGHT)
        lines.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{top - 6}" y2="{bottom}"/>')
    return lines


def legend(kinds):
    lines, x = [], 20
    for kind, words in kinds:
        lines += [f'<circle class="dot {kind}" cx="{x + 5}" cy="62" r="5"/>',
                  f'<text class="quiet" x="{x + 16}" y="66">{escape(words)}</text>']
        x += 40 + 7 * len(words)
    return lines


def draw(title, unit, kinds, rows, scale_class=Logarithmic, mark=None):
    """
    kinds: [(css class, words)], 'weir' or ''; rows: [(name, [(css class, {min, median, max})], words)]. Returns the
    picture as text.
    """
    values = [spread[each] for _, points, _ in rows for _, spread in points for each in spread]
    scale = scale_class(values + ([mark] if mark is not None else []))
    bottom = HEAD + ROW * len(rows)
    height = bottom + FOOT
    words = ', '.join(f'{name}: {text}' for name, _, text in rows)
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
             'role="img" aria-labelledby="what words">',
             f'<title id="what">{escape(title)}</title>', f'<desc id="words">{escape(words)}</desc>',
             f'<style>{STYLE}</style>',
             f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="6"/>',
             f'<text class="title" x="20" y="30">{escape(title)}</text>',
             f'<text class="quiet" x="20" y="48">{escape(unit)}, {scale.words}; median, least and largest run</text>']
    lines += legend(kinds) + grid(scale, HEAD, bottom, mark) + dots(rows, scale, HEAD) + ['</svg>']
    return '\n'.join(lines) + '\n'
