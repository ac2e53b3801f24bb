# SPDX-License-Identifier: MIT
"""What the tests of the command line share: a private server, runs of weir, workers, and the shapes of its JSON."""

import json
import os
import select
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "examples"))

from private_redis import PASSWORD, TIMEOUT_SCALE, USER, PrivateRedis, wait_for, without_weir_url  # noqa: E402

try:
    import jsonschema
except ImportError:
    print("python3-jsonschema isn't installed")
    sys.exit(1 if "WEIR_TEST_NO_SKIP" in os.environ else 77)

WEIR, WORKER = os.environ["WEIR_TEST_CLI"], os.environ["WEIR_TEST_CLI_WORKER"]

with open(os.path.join(ROOT, "docs", "command-line.schema.json"), encoding="utf-8") as _file:
    SCHEMA = json.load(_file)
jsonschema.Draft202012Validator.check_schema(SCHEMA)


def environment(**more):
    """Without what would change what weir says; UTF-8, as most have it."""
    clean = {name: value for name, value in without_weir_url().items() if name not in ("NO_COLOR", "LC_CTYPE", "LANG")}
    return {**clean, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color", "TZ": "UTC", **more}


class Run:
    """What a run of weir printed, and how it ended."""

    def __init__(self, result):
        self.code = result.returncode
        self.bytes, self.errors = result.stdout, result.stderr.decode()

    @property
    def text(self):
        return self.bytes.decode()

    @property
    def lines(self):
        return self.text.splitlines()

    def json(self, shape):
        """The object, which has the shape of this name in docs/command-line.schema.json."""
        value = json.loads(self.bytes)
        check_shape(value, shape)
        return value


def check_shape(value, shape):
    assert shape in SCHEMA["$defs"], shape
    jsonschema.Draft202012Validator({"$ref": "#/$defs/" + shape, "$defs": SCHEMA["$defs"]}).validate(value)


class Worker:
    """with redis.worker("jobs", "hold") as worker: worker.wait_for("start")"""

    def __init__(self, url, stream, mode):
        self.process = subprocess.Popen(
            [WORKER, url, stream, mode], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()
        )
        self.output = b""
        self.wait_for("ready")

    def wait_for(self, words):
        deadline = time.monotonic() + 30 * TIMEOUT_SCALE
        while words.encode() not in self.output:
            left = deadline - time.monotonic()
            assert left > 0, f"the worker didn't say {words}, but {self.output!r}"
            if select.select([self.process.stdout], [], [], left)[0]:
                more = os.read(self.process.stdout.fileno(), 4096)
                assert more or words.encode() in self.output, f"the worker ended: {self.output!r}"
                self.output += more

    def release(self):
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            try:
                self.release()
            except BrokenPipeError:
                pass
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


class Case(unittest.TestCase):
    """A test with a server that is empty when it begins."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.redis = PrivateRedis().__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.redis.__exit__()

    def setUp(self):
        self.redis("FLUSHALL")

    def weir(self, *arguments, code=0, stdin=b"", **more):
        """Runs weir on the private server. It says why where it fails; 8 is an answer of check's, and no failure."""
        result = subprocess.run(
            [WEIR, *arguments],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            env=environment(**{"WEIR_URL": self.redis.url, **more}),
            timeout=120 * TIMEOUT_SCALE,
            check=False,
        )
        run = Run(result)
        shown = f"$ weir {' '.join(map(str, arguments))}\n{run.bytes!r}\n{run.errors}"
        self.assertEqual(run.code, code, shown)
        if code not in (0, 8):
            self.assertTrue(run.errors.startswith("weir"), shown)
        self.assertNotIn(PASSWORD, run.errors + repr(run.bytes), shown)
        self.assertNotIn(b"\x1b", run.bytes, shown)
        self.assertNotIn("\x1b", run.errors, shown)
        return run

    def worker(self, stream, mode):
        return Worker(self.redis.url, stream, mode)

    def queue(self, stream, *arguments):
        """The queue as `weir ls` tells it."""
        listed = self.weir("ls", "--json", *arguments).json("ls")["items"]
        return next(queue for queue in listed if queue["stream"] == stream)

    def why(self, stream, *arguments):
        """The names of what is wrong with it."""
        return [finding["name"] for finding in self.queue(stream, *arguments)["findings"]]

    def wait_until(self, condition, what):
        return wait_for(condition, what)


def main():
    unittest.main(verbosity=2)
