#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""weir serve as a service of systemd: what it tells that, and when it tells nothing more."""

import ctypes
import os
import signal
import subprocess
import urllib.request

import harness
from harness import WEIR, PrivateRedis
from systemd import Systemd

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WALL = 0x40000000  # of waitpid: threads as well


class HeldUp:
    """Holds all threads of a process but its first one: those that do its work."""

    def __init__(self, process):
        self.threads = [int(name) for name in os.listdir(f"/proc/{process.pid}/task") if int(name) != process.pid]
        self.libc = ctypes.CDLL(None, use_errno=True)

    def trace(self, request, thread):
        zero = ctypes.c_void_p(0)
        if self.libc.ptrace(request, thread, zero, zero) != 0:
            raise OSError(ctypes.get_errno(), "ptrace")

    def __enter__(self):
        for thread in self.threads:
            self.trace(PTRACE_SEIZE, thread)
            self.trace(PTRACE_INTERRUPT, thread)
            os.waitpid(thread, WALL)
        return self

    def __exit__(self, *_):
        for thread in self.threads:
            self.trace(PTRACE_DETACH, thread)


class Service(harness.Case):
    def serve(self, url, stderr=subprocess.DEVNULL, **more):
        return Systemd(
            [WEIR, "serve", "--port", "0"],
            harness.environment(**{"WEIR_URL": url, **more}),
            stderr=stderr,
        )

    def test_it_is_ready_and_goes_on_and_stops(self):
        with self.serve(self.redis.url) as systemd:
            address = systemd.process.stdout.readline().strip()
            self.assertEqual(systemd.hear("READY=1"), "READY=1\nSTATUS=" + address)
            for _ in range(3):
                systemd.hear("WATCHDOG=1")
            self.assertEqual(systemd.end(signal.SIGTERM), 0)

    def test_it_serves_and_waits_where_redis_is_away(self):
        redis = PrivateRedis().__enter__()
        try:
            redis.process.send_signal(signal.SIGSTOP)
            with self.serve(redis.url) as systemd:
                address = systemd.process.stdout.readline().strip()
                status = systemd.hear("STATUS=")
                self.assertIn(address + ", waiting for Redis: ", status)
                self.assertNotIn(harness.PASSWORD, status)
                with urllib.request.urlopen(address + "health", timeout=60 * harness.TIMEOUT_SCALE) as answer:
                    self.assertEqual(answer.status, 200)
                systemd.hear("WATCHDOG=1")
                redis.process.send_signal(signal.SIGCONT)
                while "waiting" in status:
                    status = systemd.hear(("READY=1", "STATUS="))
                self.assertIn("STATUS=" + address, status)

                # and later it is no reason to be restarted
                redis.process.send_signal(signal.SIGSTOP)
                for _ in range(3):
                    systemd.hear("WATCHDOG=1")
                self.assertEqual(systemd.end(signal.SIGINT), 0)
        finally:
            redis.process.send_signal(signal.SIGCONT)
            redis.__exit__()

    def test_it_is_ready_without_redis_at_last(self):
        with self.serve("unix:///nonexistent/redis.sock", stderr=subprocess.PIPE) as systemd:
            ready = systemd.hear("READY=1")  # after ten seconds
            self.assertIn("waiting for Redis: can't connect", ready)
            self.assertIn("there is no token", systemd.process.stderr.readline())
            self.assertIn("it serves all the same", systemd.process.stderr.readline())
            systemd.hear("WATCHDOG=1")
            self.assertEqual(systemd.end(signal.SIGTERM), 0)

    def test_one_that_hangs_says_nothing_more(self):
        with self.serve(self.redis.url) as systemd:
            systemd.hear("READY=1")
            systemd.hear("WATCHDOG=1")
            held = HeldUp(systemd.process)
            with held:
                systemd.socket.settimeout(2)  # ten times what the watchdog waits
                with self.assertRaises(TimeoutError):
                    for _ in range(100):
                        systemd.hear("WATCHDOG=1")
            systemd.socket.settimeout(20 * harness.TIMEOUT_SCALE)
            systemd.hear("WATCHDOG=1")
            self.assertEqual(systemd.end(signal.SIGTERM), 0)

    def test_without_a_watchdog(self):
        with self.serve(self.redis.url, WATCHDOG_USEC="0") as systemd:
            systemd.hear("READY=1")
            systemd.process.send_signal(signal.SIGTERM)
            self.assertEqual(systemd.socket.recv(100), b"STOPPING=1")  # the very next word
            self.assertEqual(systemd.process.wait(60 * harness.TIMEOUT_SCALE), 0)


if __name__ == "__main__":
    harness.main()
