#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: example.py NAME PROGRAM: runs an example against a private server, and checks what it prints."""

import re
import subprocess
import sys

from private_redis import PASSWORD, TIMEOUT_SCALE, WRAPPER, PrivateRedis, without_weir_url


def hello(lines):
    assert sorted(lines) == ["hello, Ada", "hello, Barbara", "hello, Grace"]


def queue_group(lines):
    assert sorted(lines[:4]) == [
        "mail to ada@example.org",
        "mail to grace@example.org",
        "report for May",
        "thumbnail of cat.png",
    ]
    assert lines[4:] == ["mails: 2 done", "thumbnails: 1 done", "reports: 1 done"]


def libevent(lines):
    (line,) = lines
    match = re.fullmatch(r"100 jobs finished, up to (\d+) of them at once", line)
    assert match and 10 <= int(match[1]) <= 50  # far more than one at a time, and never more than the concurrency


def dead_letters(lines):
    assert lines == [
        "attempt 1: the mail server is down",
        "attempt 2: the mail server is down",
        "attempt 3: the mail server is down",
        "given up after 3 attempts: the mail server is down",
        "dead: exhausted: the mail server is down, to = ada@example.org",
        "mended: putting back what is dead",
        "attempt 1: sent to ada@example.org",
    ]


def delayed(lines):
    found = [re.fullmatch(r"(\w+), after (-?\d+) ms", line) for line in lines]
    assert [match[1] for match in found] == ["water", "milk", "tea"]
    assert int(found[1][2]) >= 100  # its time was said absolutely, some moments before the clock here was started
    assert int(found[2][2]) >= 400


def in_process(lines):
    assert lines == ["balance 117, 1 dead"]


def email(lines):
    assert lines == [
        "to ada@example.org: Engines (high, text, score 0.25, #hello, #world, cat.png of 4 bytes)",
        "to grace@example.org: Compilers (low, html)",
        "to barbara@example.org: Types (low, text)",
        'dead: undecodable: field "html": "perhaps" is not true, false, 1 or 0 (bool)',
    ]


def cplusplus(lines):
    assert lines == ["invoiced: 1295"]


CHECKS = {
    check.__name__: check
    for check in (hello, queue_group, libevent, dead_letters, delayed, email, in_process, cplusplus)
}


def run(program, arguments, **environment):
    result = subprocess.run(
        [*WRAPPER, program, *arguments],
        env={**without_weir_url(), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20 * TIMEOUT_SCALE,
    )
    shown = " ".join(arguments).replace(PASSWORD, "...")
    print(f"$ {program} {shown}\n{result.stdout}{result.stderr}exit code {result.returncode}")
    return result


def main(name, program):
    check = CHECKS[name]
    if check is in_process:
        result = run(program, [])
        assert result.returncode == 0 and result.stderr == ""
        check(result.stdout.splitlines())
        return

    with PrivateRedis() as redis:
        # Twice: what the first leaves in Redis doesn't disturb the second.
        for result in run(program, [redis.url]), run(program, [], WEIR_URL=redis.url):
            assert result.returncode == 0 and result.stderr == ""
            check(result.stdout.splitlines())

    result = run(program, ["unix:///nonexistent/redis.sock"])
    assert result.returncode == 1
    assert result.stdout == "" and result.stderr.startswith(name + ": ")


if __name__ == "__main__":
    main(*sys.argv[1:])
