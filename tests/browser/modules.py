#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: modules.py WORKER: the page's own functions, one by one, where they run: in the browser."""
import json

import scene


def compute(s, module, script, *arguments):
    """What the script returns, with the page's module as `m` and the arguments as `a`."""
    script = f"""const [given, done] = arguments;
        import('/{module}.js').then(m => {{ const a = JSON.parse(given); done([(() => {{ {script} }})()]); }})
            .catch(error => done(String(error)));"""
    answer = s.browser.command("POST", "/execute/async", {"script": script, "args": [json.dumps(arguments)]})
    assert isinstance(answer, list), answer
    return answer[0]


def table(s, module, function, rows):
    for *arguments, expected in rows:
        got = compute(s, module, f"return m.{function}(...a)", *arguments)
        assert got == expected, f"{function}({', '.join(map(repr, arguments))}) is {got!r}, not {expected!r}"


def numbers_and_times_are_said_shortly(s):
    s.open(s.serve())
    table(s, "format", "short", [
        (None, "–"), (0, "0"), (950, "950"), (9999, "9,999"), (10000, "10k"), (12345, "12.3k"), (123456, "123k"),
        (1000000, "1M"), (4560000, "4.6M"), (1000000001, "1G"),
    ])
    table(s, "format", "rate", [
        (None, "–"), (0, "0/s"), (0.01, "0.6/min"), (0.05, "3/min"), (0.5, "0.5/s"), (9.94, "9.9/s"),
        (130.4, "130/s"), (45678, "45.7k/s"),
    ])
    table(s, "format", "span", [
        (None, "–"), (0, "0 ms"), (0.48, "480 µs"), (7.25, "7.3 ms"), (35.4, "35 ms"), (1200, "1.2 s"),
        (58600, "58 s"),
        (60000, "1 min"), (200000, "3 min 20 s"), (3600000, "1 h"), (7500000, "2 h 5 min"), (349200000, "4 d 1 h"),
        (30 * 86400000 + 3600000, "30 d"),
    ])
    table(s, "format", "ago", [(900, "just now"), (1600, "2 s ago"), (200000, "3 min ago")])
    table(s, "format", "size", [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (48123456, "45.9 MiB")])


def binary(text, **more):
    return {"base64": text, "msgpack": None, "size": 3, "truncated": False, **more}


def bytes_are_readable(s):
    s.open(s.serve())
    table(s, "format", "line", [
        (None, ""), ("", ""), ("a\nb\tc\x00\x9f", "a\\nb\\tc\\x00\\x9f"), ("Grüße \U0001f600", "Grüße \U0001f600"),
        (binary("YvxyAA=="), "b\\xfcr\\x00"), (binary("YWJj", truncated=True), "abc…"),
        (binary("kQE=", msgpack="[1]"), "[1]"),
    ])
    table(s, "format", "block", [
        ("a\nb", {"kind": "", "text": "a\nb"}),
        (binary("YWJj", truncated=True, size=2048), {"kind": "text, the first 3 B of 2 KiB", "text": "abc"}),
        (binary("/wA8"), {"kind": "binary, 3 B", "text": "0000  ff 00 3c" + " " * 39 + "  ..<"}),
        (binary("kQE=", msgpack="[1]", size=2), {"kind": "msgpack, 2 B", "text": "[\n  1\n]"}),
    ])
    table(s, "format", "indent", [
        ('{"a":[1,18446744073709551615,{}],"b\\"]":"x, y"}',
         '{\n  "a": [\n    1,\n    18446744073709551615,\n    {}\n  ],\n  "b\\"]": "x, y"\n}'),
        ("[]", "[]"),
    ])


def axes_end_at_round_numbers(s):
    s.open(s.serve())
    table(s, "chart", "nice", [(0, 1), (0.3, 0.5), (1, 1), (1.1, 2), (6, 10), (130, 200)])
    table(s, "chart", "niceSpan", [(7, 10), (9000, 10000), (11000, 20000), (61000, 120000), (601000, 1200000),
                                   (3700000, 7200000), (90000000, 172800000)])


LOOK = {"path": "q", "added": 100, "dead_added": 0, "groups": [{"delivered": 80, "pending": 10}], "workers": []}


def rates_follow_from_two_looks(s):
    """As many looks as are given, and what is then said of each rate."""
    s.open(s.serve())
    script = """
        m.keepOnly(new Set());
        a.forEach(look => m.note(look));
        const seen = m.historyOf('q'), lately = name => m.lately(seen, name);
        return {n: seen.looks.length, added: lately('added'), finished: lately('finished'), dead: lately('dead'),
                line: m.rates(seen, 'finished', 0).map(point => point.y)};"""

    def seen(*looks):
        return compute(s, "history", script, *[{**LOOK, **look} for look in looks])

    def group(delivered, pending):
        return [{"delivered": delivered, "pending": pending}]
    assert seen({"now_ms": 1000}) == {"n": 1, "added": None, "finished": None, "dead": None, "line": []}
    # 40 came, 30 were handed out, and of those in hand 5 more were finished
    assert seen({"now_ms": 1000}, {"now_ms": 3000, "added": 140, "groups": group(110, 5)}) == {
        "n": 2, "added": 20, "finished": 17.5, "dead": 0, "line": [17.5]}
    # too close together
    assert seen({"now_ms": 1000}, {"now_ms": 1100, "added": 140})["n"] == 1
    # before Redis 7.0 nothing is counted
    assert seen({"now_ms": 1000, "added": None, "groups": group(None, 1)},
                {"now_ms": 3000, "added": None, "groups": group(None, 1)})["finished"] is None
    # the stream was deleted, and made anew
    assert seen({"now_ms": 1000}, {"now_ms": 3000, "added": 5, "groups": group(0, 0)})["n"] == 1
    # nobody looked for a while: a gap
    assert seen({"now_ms": 1000}, {"now_ms": 3000}, {"now_ms": 63000})["line"] == [0, None, 0]
    # two groups are both counted
    two = [{"delivered": 80, "pending": 10}, {"delivered": 80, "pending": 0}]
    then = [{"delivered": 90, "pending": 10}, {"delivered": 100, "pending": 10}]
    assert seen({"now_ms": 1000, "groups": two}, {"now_ms": 2000, "groups": then})["finished"] == 20


def quantiles_are_those_of_what_came_between(s):
    s.open(s.serve())
    def quantile(now, before, q):
        return compute(s, "history", "return m.quantile(new Map(a[0]), new Map(a[1]), a[2])", now, before, q)
    before = [[100, 1000]]
    now = [[100, 1000], [200, 50], [400, 49], [800, 1]]
    assert [quantile(now, before, q) for q in (0, 0.5, 0.51, 0.99, 1)] == [200, 200, 400, 400, 800]
    assert quantile(before, before, 0.5) is None
    assert quantile([[100, 1], [None, 1]], [], 0.99) == 100  # beyond the last bound
    assert quantile([[None, 1]], [], 0.99) is None


if __name__ == "__main__":
    scene.run([
        numbers_and_times_are_said_shortly, bytes_are_readable, axes_end_at_round_numbers, rates_follow_from_two_looks,
        quantiles_are_those_of_what_came_between,
    ])
