#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: service.py PROGRAM: is what systemd is to a service, and looks at what the worker tells it."""

import signal
import sys

from private_redis import PrivateRedis
from systemd import Systemd


def main(program):
    with PrivateRedis() as redis, Systemd([program], {"WEIR_URL": redis.url}) as systemd:
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

        assert systemd.end(signal.SIGTERM) == 0


if __name__ == "__main__":
    main(sys.argv[1])
