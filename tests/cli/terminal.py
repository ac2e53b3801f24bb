# SPDX-License-Identifier: MIT
"""A program in a terminal: its output as it comes, keys, and another size."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
import unicodedata

from private_redis import TIMEOUT_SCALE

CONTROL = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """with Terminal([...], environment) as terminal: terminal.wait_for("text"); terminal.send("q"); terminal.end()"""

    def __init__(self, arguments, environment, columns=80, rows=24, stdin=None):
        self.output = b""
        self.master, slave = pty.openpty()
        self.resize(columns, rows)

        def take_over():
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            arguments,
            env=environment,
            stdin=slave if stdin is None else stdin,
            stdout=slave,
            stderr=slave,
            preexec_fn=take_over,
        )
        os.close(slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()
        os.close(self.master)

    def read_some(self):
        """What there is within a moment. False: the program has closed its terminal."""
        if not select.select([self.master], [], [], 0.05)[0]:
            return True
        try:
            more = os.read(self.master, 65536)
        except OSError:
            return False
        self.output += more
        return bool(more)

    def wait_for(self, words):
        """Until the words are there, behind all that was waited for before. Returns what stands before them."""
        words = words.encode() if isinstance(words, str) else words
        deadline = time.monotonic() + 30 * TIMEOUT_SCALE
        while words not in self.output:
            if not self.read_some() and words not in self.output:
                raise AssertionError(f"{words!r} didn't come, but the end: {self.output!r}")
            if time.monotonic() > deadline:
                raise AssertionError(f"waited in vain for {words!r}: {self.output!r}")
        before, self.output = self.output.split(words, 1)
        return before

    def send(self, keys):
        os.write(self.master, keys.encode() if isinstance(keys, str) else keys)

    def resize(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def is_as_usual(self):
        """Whether it echoes, and hands whole lines over."""
        return termios.tcgetattr(self.master)[3] & (termios.ICANON | termios.ECHO) == termios.ICANON | termios.ECHO

    def end(self):
        """Reads to the end. Returns (what was left to read, exit code); the code is negative for a signal."""
        deadline = time.monotonic() + 30 * TIMEOUT_SCALE
        while self.read_some():
            if time.monotonic() > deadline:
                raise AssertionError(f"it doesn't end: {self.output!r}")
        return self.output, self.process.wait()


def run_in_terminal(arguments, environment, columns=80, rows=24):
    """Returns (all of its output, exit code)."""
    with Terminal(arguments, environment, columns, rows) as terminal:
        return terminal.end()


def columns_of(line):
    """How wide a line of output is on the screen."""
    text = CONTROL.sub(b"", line).decode()
    assert all(c.isprintable() for c in text), repr(text)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text if not unicodedata.combining(c))
