# SPDX-License-Identifier: MIT
"""A Redis, workers and a browser that looks at them."""
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "examples"))

from private_redis import PrivateRedis, without_weir_url  # noqa: E402
from webdriver import TIMEOUT_S, Browser, missing, until  # noqa: E402

TOKEN = "s3cret-canary-7d1f" + "-of-the-page"  # must not be seen in any output either
QUICK = "WEIR_TEST_QUICK" in os.environ


class Program:
    """A worker with the control plane inside; without a stream the control plane alone. --port 0: any port."""

    def __init__(self, path, folder, redis, *options, token=TOKEN, port=0):
        arguments = [path, folder, "--port", str(port), *options]
        environment = {**without_weir_url(), "WEIR_URL": redis.url, "WEIR_TOKEN": token or ""}
        self.process = subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True)
        ready, _, _ = select.select([self.process.stdout], [], [], TIMEOUT_S)
        self.address = self.process.stdout.readline().strip() if ready else ""
        if not self.address.startswith("http://"):
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the program said {self.address!r} instead of its address")
        self.port = int(self.address.rstrip("/").rpartition(":")[2])

    def ask(self, method, path, body=None):
        """The answer's JSON."""
        request = urllib.request.Request(
            self.address + path, None if body is None else json.dumps(body).encode(), method=method,
            headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return json.load(answer)

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait(TIMEOUT_S)
        self.process.stdout.close()

    def died(self):
        """Waits for its death."""
        self.process.wait(TIMEOUT_S)
        self.process.stdout.close()


class Scene:
    """with Scene(path of the worker) as scene: scene.redis, scene.browser, scene.start(…)"""

    def __init__(self, worker):
        self.path, self.programs = worker, []
        self.folder = None  # where jobs leave their names

    def __enter__(self):
        if missing():
            print(f"{missing()} isn't installed")
            raise SystemExit(1 if "WEIR_TEST_NO_SKIP" in os.environ else 77)  # 77: skipped
        self.redis = PrivateRedis().__enter__()
        try:
            self.browser = Browser()
        except BaseException:
            self.redis.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for program in self.programs:
            if program.process.poll() is None:
                program.stop(signal.SIGKILL)
        self.browser.close()
        self.redis.__exit__()

    def reset(self):
        """Between two cases: nothing is left of the one before."""
        for program in self.programs:
            if program.process.poll() is None:
                program.stop(signal.SIGKILL)
        self.programs.clear()
        self.redis("CONFIG", "SET", "maxmemory", "0")
        self.redis("FLUSHALL")
        if self.folder:
            shutil.rmtree(self.folder)
        self.folder = tempfile.mkdtemp(dir=self.redis.directory)
        self.browser.go("about:blank")
        self.browser.plain()
        self.browser.console()

    def start(self, *options, **settings):
        program = Program(self.path, self.folder, self.redis, *options, **settings)
        self.programs.append(program)
        return program

    def serve(self, **settings):
        """The control plane alone, as `weir serve`."""
        return self.start(**settings)

    def open(self, program, place="", token=TOKEN):
        """Opens the page, as whoever got its address with the token would."""
        self.browser.go(f"{program.address}#token={token}" if token else program.address)
        if place:
            self.browser.find("main h1")
            self.place(place)

    def place(self, place):
        self.browser.js("location.hash = arguments[0]", f"#/{place}")

    # --- jobs ---

    def add(self, stream, entry="*", **fields):
        flat = [part for pair in fields.items() for part in pair]
        return self.redis("XADD", stream, entry, *flat).decode()

    def seconds_ago(self, seconds):
        """An entry id of so long ago, without the sequence."""
        return int(self.redis("TIME")[0]) * 1000 - int(seconds * 1000)

    def is_done(self, job):
        return os.path.exists(os.path.join(self.folder, job))

    def wait_done(self, *jobs):
        until(f"{jobs} to be done", lambda: all(self.is_done(job) for job in jobs))

    def hold(self):
        """From now on jobs that are to hold do, until let_go."""
        os.mkfifo(os.path.join(self.folder, "hold"))

    def let_go(self):
        pipe = os.open(os.path.join(self.folder, "hold"), os.O_WRONLY | os.O_NONBLOCK)
        os.unlink(os.path.join(self.folder, "hold"))
        os.close(pipe)

    def dead(self, stream):
        return self.redis("XLEN", "{%s}:dead" % stream)

    def bury(self, stream, count, **fields):
        """Dead letters by the thousand, as a worker would have written them."""
        script = """for i = 1, ARGV[1] do
            redis.call('XADD', KEYS[1], '*', 'n', i, unpack(ARGV, 2))
        end"""
        flat = [part for pair in fields.items() for part in pair]
        reason = ["weir.reason", "exhausted", "weir.error", "the mail server is down", "weir.attempts", "5",
                  "weir.deliveries", "1", "weir.group", "workers", "weir.source_id", "1-1",
                  "weir.first_enqueued_ms", "1795310682579"]
        self.redis("EVAL", script, 1, "{%s}:dead" % stream, count, *flat, *reason)


def run(cases):
    """SCRIPT WORKER [CASE …]: runs the cases named, or all, one after the other in one browser."""
    worker, names = sys.argv[1], sys.argv[2:]
    with Scene(worker) as scene:
        for case in cases:
            if names and case.__name__ not in names:
                continue
            print(case.__name__, flush=True)
            scene.reset()
            try:
                case(scene)
                expect_no_complaint(scene.browser, getattr(case, "expected", ()))
            except BaseException:
                show(scene)
                raise


def expecting(*words):
    """For cases in which the browser complains of failed requests, which it always does."""
    def mark(case):
        case.expected = words
        return case
    return mark


def expect_no_complaint(browser, expected):
    """No script failed, the security policy was not offended, and nobody else was asked for anything."""
    for message in browser.console():
        assert any(words in message for words in expected), message
    asked = browser.js("return performance.getEntriesByType('resource').map(e => e.name)")
    here = browser.js("return location.origin")
    for address in asked:
        assert address.startswith(here + "/"), f"the page asked for {address}"


def show(scene):
    """What was on the page when a case failed; WEIR_TEST_PICTURES: a folder for a picture of it."""
    try:
        print(scene.browser.js("return location.href").replace(TOKEN, "…"))
        print(scene.browser.text())
        print("\n".join(scene.browser.console()))
        if "WEIR_TEST_PICTURES" in os.environ:
            scene.browser.picture(os.environ["WEIR_TEST_PICTURES"] + "/failed.png")
    except Exception as error:  # the case's own failure is what matters
        print(f"nothing more can be said: {error!r}")
