#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: service.py PROGRAM: is what systemd is to a service, and looks at what the worker tells it."""

import os
import signal
import socket
import subprocess
import sys
import tempfile

from private_redis import TIMEOUT_SCALE, WRAPPER, PrivateRedis, without_weir_url


class Systemd:
    """A program with a notification socket, whose watchdog wants to hear of it every tenth of a second."""

    def __init__(self, program, url):
        self.folder = tempfile.TemporaryDirectory(prefix="weir-test.")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(20 * TIMEOUT_SCALE)
        path = os.path.join(self.folder.name, "notify")
        self.socket.bind(path)
        self.process = subprocess.Popen(
            [*WRAPPER, program],
            env={**without_weir_url(), "NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000", "WEIR_URL": url},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        self.socket.close()
        self.folder.cleanup()

    def hear(self, wanted):
        """Waits for a message that begins so."""
        while True:
            message = self.socket.recv(65536).decode()
            if message.startswith(wanted):
                return
            assert message == "WATCHDOG=1" or message.startswith("STATUS="), message


def main(program):
    with PrivateRedis() as redis, Systemd(program, redis.url) as systemd:
        systemd.hear("READY=1")
        redis("XADD", "messages", "*", "text", "hello")
        redis("XADD", "messages", "*", "other", "field")
        assert systemd.process.stdout.readline() == "hello\n"
        systemd.hear("STATUS=1 done, 0 retried, 1 dead, 0 running")
        for _ in range(3):
            systemd.hear("WATCHDOG=1")

        # a server that is away is no reason to be restarted
        redis.process.send_signal(signal.SIGSTOP)
        systemd.hear("STATUS=1 done, 0 retried, 1 dead, 0 running; ")
        for _ in range(3):
            systemd.hear("WATCHDOG=1")
        redis.process.send_signal(signal.SIGCONT)

        systemd.process.send_signal(signal.SIGTERM)
        systemd.hear("STOPPING=1")
        assert systemd.process.wait(20 * TIMEOUT_SCALE) == 0


if __name__ == "__main__":
    main(sys.argv[1])
