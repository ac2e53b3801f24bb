# SPDX-License-Identifier: MIT
"""A redis-server of the test's own, on a unix socket in a temporary directory, and a client of a few lines."""

import os
import shlex
import shutil
import socket
import subprocess
import tempfile
import time

# Sanitizers and valgrind make everything slower.
TIMEOUT_SCALE = int(os.environ.get("WEIR_TEST_TIMEOUT_SCALE", "1"))

# What programs are run under: valgrind and its options, or nothing.
WRAPPER = shlex.split(os.environ.get("WEIR_TEST_WRAPPER", ""))

# In the URL, and nowhere else: as TEST_PASSWORD of tests/support/server.h.
USER, PASSWORD = "canary", "s3cret-canary-7d1f"


class Client:
    """Sends commands and reads answers (RESP2). Bulk strings are bytes; errors are raised."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.answers = self.socket.makefile("rb")

    def __call__(self, *arguments):
        arguments = [a if isinstance(a, bytes) else str(a).encode() for a in arguments]
        self.socket.sendall(b"*%d\r\n" % len(arguments) + b"".join(b"$%d\r\n%s\r\n" % (len(a), a) for a in arguments))
        return self.read()

    def read(self):
        line = self.answers.readline()
        if not line:
            raise ConnectionError("the server has closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.answers.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self.read() for _ in range(int(rest))]
        return rest.decode()

    def close(self):
        self.answers.close()
        self.socket.close()


class PrivateRedis:
    """with PrivateRedis() as redis: redis.url, redis("PING")"""

    def __enter__(self):
        server = shutil.which("redis-server")
        if server is None:
            print("redis-server isn't installed")
            raise SystemExit(1 if "WEIR_TEST_NO_SKIP" in os.environ else 77)  # 77: skipped
        self.directory = tempfile.mkdtemp(prefix="weir-test.", dir="/tmp")
        self.path = self.directory + "/redis.sock"
        self.url = f"unix://{USER}:{PASSWORD}@{self.path}"
        # fmt: off
        self.process = subprocess.Popen(
            [server, "--port", "0", "--unixsocket", self.path, "--dir", self.directory, "--save", "",
             "--appendonly", "no", "--user", USER, "on", ">" + PASSWORD, "~*", "&*", "+@all"],
            stdout=subprocess.DEVNULL, start_new_session=True)
        # fmt: on
        try:
            self.client = wait_for(self.connect, "redis-server to answer")
        except BaseException:
            self.__exit__()
            raise
        return self

    def connect(self):
        try:
            client = Client(self.path)
            client("PING")
            return client
        except OSError:
            return None

    def __call__(self, *arguments):
        return self.client(*arguments)

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        if hasattr(self, "client"):
            self.client.close()
        shutil.rmtree(self.directory)


def wait_for(condition, what, seconds=30):
    """Returns the first true answer of condition()."""
    deadline = time.monotonic() + seconds * TIMEOUT_SCALE
    while time.monotonic() < deadline:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.005)
    raise AssertionError("waited in vain for " + what)


def without_weir_url():
    """The environment, without what would lead a program to another server."""
    return {name: value for name, value in os.environ.items() if name != "WEIR_URL"}
