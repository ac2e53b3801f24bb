#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: wordcount.py CASE PROGRAM: runs weir-wordcount over a small tree, and compares it with wc."""

import contextlib
import fcntl
import json
import os
import pty
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios

from private_redis import TIMEOUT_SCALE, PrivateRedis, wait_for, without_weir_url

PROGRAM = os.path.abspath(sys.argv[2])

# What makes a word differs between the versions of wc.
BARE = subprocess.run(["wc", "-w"], input=b"\1", stdout=subprocess.PIPE, check=True, env={"LC_ALL": "C"}).stdout
RULE = ["--words", "any" if int(BARE) == 1 else "printing"]


# ---- the tree ----


def make_tree(directory, many=0):
    """Files that are odd in name or content, `many` plain ones, and things that aren't files."""
    dice = random.Random(1)
    contents = {
        b"plain.txt": b"three words here\nand no newline at the end",
        b"empty": b"",
        b"a name with spaces": b"a b  c\t\td\n",
        b"a name\nof two lines": b"\n\n\nx\n",
        b"\xff\xfe not UTF-8": b"\xff\xfe \xc3\xa4 \xa0 x\n",
        b"-n": b"looks like an option\n",
        b"'quotes' and \"quotes\" and \\": b"quoted\n",
        b"blanks": bytes(range(9, 14)) * 3 + b" word\vword\fword\rword\0word ",
        b"control": b"\1\2\3 \1a \x7f \x80 a\1b \x1f!",
        b"every byte": bytes(range(256)) * 50,
        b"noise": dice.randbytes(100000),
        b"sparse noise": bytes(dice.choice(b" \n\1\x80aZ~!") for _ in range(100000)),
        b"d/e/e/p/file": b"deep\n",
        b"no newline, block after block": b"x" * 32768 + b" " + b"y" * 70000,
    }
    for i in range(many):
        contents[b"many/%d/%d" % (i % 7, i)] = b"file %d\n" % i * (i % 13)

    directory = os.fsencode(directory)
    for name, content in contents.items():
        path = directory + b"/" + name
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
    os.symlink(b"plain.txt", directory + b"/link to a file")
    os.symlink(b"..", directory + b"/d/link to a directory")
    os.symlink(b"nowhere", directory + b"/dangling")
    os.mkfifo(directory + b"/pipe")


def files_of(directory):
    found = subprocess.run(["find", directory, "-type", "f", "-print0"], stdout=subprocess.PIPE, check=True).stdout
    return found.split(b"\0")[:-1]


def wc(path):
    """(lines, words, bytes)"""
    with open(path, "rb") as file:
        counted = subprocess.run(["wc"], stdin=file, stdout=subprocess.PIPE, check=True, env={"LC_ALL": "C"}).stdout
    return tuple(int(number) for number in counted.split())


def totals_of(directory):
    """Of a directory with at least two files: of one alone, wc prints no total."""
    files = files_of(directory)
    counted = subprocess.run(
        ["wc", "--files0-from=-"], input=b"\0".join(files), stdout=subprocess.PIPE, check=True, env={"LC_ALL": "C"}
    ).stdout
    lines, words, size = counted.split()[-4:-1]
    return f"{len(files)} files, {int(lines)} lines, {int(words)} words, {int(size)} bytes\n"


@contextlib.contextmanager
def tree(many=0):
    directory = tempfile.mkdtemp(prefix="weir-tree.", dir="/tmp")
    try:
        make_tree(directory, many)
        yield directory
    finally:
        shutil.rmtree(directory)


# ---- processes ----


@contextlib.contextmanager
def started(redis, *arguments):
    process = subprocess.Popen(
        [PROGRAM, *arguments],
        env={**without_weir_url(), "WEIR_URL": redis.url},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="surrogateescape",
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def finished(process, code, seconds=60):
    """(stdout, stderr) of a process that ends with this exit code."""
    out, err = process.communicate(timeout=seconds * TIMEOUT_SCALE)
    print(f"{out}{err}exit code {process.returncode}")
    assert process.returncode == code
    return out, err


def run(redis, *arguments, code=0):
    with started(redis, *arguments) as process:
        return finished(process, code)


def stop(worker):
    worker.send_signal(signal.SIGTERM)
    finished(worker, 0)


def done(redis, key):
    return redis("HLEN", key) - 1


def busy_worker(redis, stream, candidates=None):
    """The pid of a worker with jobs in hand. Consumers are named host:pid:random."""
    try:
        consumers = redis("XINFO", "CONSUMERS", stream, "wordcount")
    except RuntimeError:  # no worker has come yet
        return None
    for consumer in consumers:
        facts = dict(zip(consumer[::2], consumer[1::2]))
        pid = int(facts[b"name"].split(b":")[-2])
        if facts[b"pending"] > 0 and (candidates is None or pid in candidates):
            return pid
    return None


def alive(pid):
    try:
        os.kill(pid, 0)
        return True
    except ProcessLookupError:
        return False


# ---- the cases ----


def totals():
    """The totals are those of wc, and nothing stays in Redis."""
    with PrivateRedis() as redis, tree(many=1500) as directory:
        out, err = run(redis, directory, "--workers", "2", *RULE)
        assert out == totals_of(directory)
        assert re.match(r"workers: \d+ \d+\n", err)
        assert re.search(r"^enqueued 1,514, done 1,514, retried 0, dead 0, [\d,]+ jobs/s$", err, re.MULTILINE)
        assert redis("DBSIZE") == 0


def each_file():
    """Every single result is wc's, by path."""
    with PrivateRedis() as redis, tree() as directory:
        run(redis, directory, "--workers", "1", "--keep", "--run", "one", *RULE)
        fields = redis("HGETALL", "wordcount-one:run:one")
        results = dict(zip(fields[::2], fields[1::2]))
        results.pop(b"")
        expected = {path: b"%d %d %d" % wc(path) for path in map(os.fsencode, files_of(directory))}
        assert results == expected

        _, err = run(redis, directory, "--workers", "1", "--run", "one", code=2)
        assert "exists already" in err
        assert redis("EXISTS", "wordcount-one:run:one") == 1


def killed():
    """A worker that is killed in its work is replaced by the other."""
    with PrivateRedis() as redis, tree(many=200) as directory:
        arguments = ["--workers", "2", "-c", "2", "--delay-us", "20000", "--run", "k", *RULE]
        with started(redis, directory, *arguments) as process:
            wait_for(lambda: done(redis, "wordcount-k:run:k") >= 100, "half of the files")
            os.kill(wait_for(lambda: busy_worker(redis, "wordcount-k"), "a worker that works"), signal.SIGKILL)
            out, err = finished(process, 0)
        assert out == totals_of(directory)
        assert "was killed (Killed)" in err
        retried = re.findall(r"done 214, retried (\d+), dead 0", err)
        assert retried and int(retried[-1]) >= 1
        assert redis("DBSIZE") == 0


def workers_come_and_go():
    """Workers are started and stopped by hand while a run goes on; none of its jobs runs twice for that."""
    with PrivateRedis() as redis, tree(many=600) as directory, contextlib.ExitStack() as stack:

        def start_worker():
            worker = stack.enter_context(started(redis, "--worker", "-c", "2", "--delay-us", "5000"))
            wait_for(lambda: busy_worker(redis, "wordcount", {worker.pid}), "a worker's first file")
            return worker

        process = stack.enter_context(started(redis, directory, *RULE))
        wait_for(lambda: redis("EXISTS", "wordcount"), "the first job")
        worker = start_worker()
        for _ in range(4):
            successor = start_worker()
            stop(worker)
            worker = successor
        out, err = finished(process, 0)
        stop(worker)
        assert out == totals_of(directory)
        assert "done 614, retried 0, dead 0" in err
        assert redis("KEYS", "*") == [b"wordcount"]  # the workers' own stream


def two_runs():
    """Two runs at once share the workers, and don't mix."""
    with PrivateRedis() as redis, tree(many=300) as directory, tree() as other, contextlib.ExitStack() as stack:
        process = stack.enter_context(started(redis, directory, "--run", "r", *RULE))
        worker = stack.enter_context(started(redis, "--worker", "-c", "2", "--delay-us", "5000"))
        wait_for(lambda: done(redis, "wordcount:run:r") >= 50, "the run to be on its way")
        result = json.loads(run(redis, other, "--json", *RULE)[0])
        assert finished(process, 0)[0] == totals_of(directory)
        stop(worker)

        totals_of_other = totals_of(other)
        assert totals_of_other == "{files} files, {lines} lines, {words} words, {bytes} bytes\n".format(**result)
        assert result["dead"] == 0 and result["retried"] == 0
        assert redis("KEYS", "*") == [b"wordcount"]


def dead():
    """Files that can't be read are tried three times, and then listed; the rest is counted."""
    with PrivateRedis() as redis, tree() as directory, contextlib.ExitStack() as stack:
        process = stack.enter_context(started(redis, directory, "--stream", "d", *RULE))
        n = len(files_of(directory))
        wait_for(lambda: redis("EXISTS", "d") and redis("XLEN", "d") == n, "the files to be enqueued")

        os.unlink(directory + "/plain.txt")
        os.unlink(os.fsencode(directory) + b"/a name\nof two lines")
        os.mkdir(os.fsencode(directory) + b"/a name\nof two lines")
        unreadable = 2
        if os.geteuid() != 0:
            os.chmod(directory + "/noise", 0)
            unreadable = 3
        worker = stack.enter_context(started(redis, "--worker", "--stream", "d"))
        out, err = finished(process, 1)
        stop(worker)

        assert f"{unreadable} files could not be counted:\n" in err
        assert directory + "/plain.txt: No such file or directory\n" in err
        assert directory + "/a name\\nof two lines: Is a directory\n" in err
        assert re.search(rf"done {n - unreadable}, retried {unreadable * 2}, dead {unreadable},", err)
        if os.geteuid() != 0:
            assert directory + "/noise: Permission denied\n" in err
            os.unlink(directory + "/noise")
        assert out == totals_of(directory)
        assert redis("KEYS", "*:run:*") == [] and redis("XLEN", "{d}:dead") == 0


def interrupted():
    """A run that is interrupted stops its workers and takes its keys away."""
    with PrivateRedis() as redis, tree(many=300) as directory:
        with started(redis, directory, "--workers", "2", "-c", "1", "--delay-us", "20000", "--run", "i") as process:
            first = process.stderr.readline()
            pids = [int(pid) for pid in first.split()[1:]]
            assert len(pids) == 2
            wait_for(lambda: done(redis, "wordcount-i:run:i") >= 20, "the run to be on its way")
            process.send_signal(signal.SIGINT)
            out, _ = finished(process, 130)
        assert out == ""
        assert not any(map(alive, pids))
        assert redis("DBSIZE") == 0


def abandoned():
    """A run that is killed takes its workers with it."""
    with PrivateRedis() as redis, tree(many=300) as directory:
        with started(redis, directory, "--workers", "2", "-c", "1", "--delay-us", "20000", "--run", "a") as process:
            pids = [int(pid) for pid in process.stderr.readline().split()[1:]]
            wait_for(lambda: done(redis, "wordcount-a:run:a") >= 5, "the run to be on its way")
            process.kill()
            wait_for(lambda: not any(map(alive, pids)), "the workers to end")


def terminal():
    """On a terminal there is a bar, which fits."""
    columns = 90
    with PrivateRedis() as redis, tree(many=100) as directory:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        arguments = [PROGRAM, directory, "--workers", "1", "-c", "2", "--delay-us", "20000", *RULE]
        environment = {**without_weir_url(), "WEIR_URL": redis.url}
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=theirs, env=environment) as process:
            os.close(theirs)
            screen = b""
            with contextlib.suppress(OSError):  # EIO: the other side is closed
                while True:
                    screen += os.read(ours, 65536)
            out, _ = process.communicate(timeout=60 * TIMEOUT_SCALE)
        os.close(ours)
        assert process.returncode == 0 and out.decode() == totals_of(directory)
        drawn = [line.rstrip("\r\n") for line in screen.decode().split("\r\x1b[K")[1:]]
        assert len(drawn) > 5
        assert all(len(line) < columns for line in drawn)
        assert re.fullmatch(r"\[#+\]  100 %  enqueued 114, done 114, retried 0, dead 0, [\d,]+ jobs/s", drawn[-1])
        assert any(re.match(r"\[#+\.+\]  +\d+ %", line) for line in drawn)


def nothing_to_count():
    """An empty directory, a single file, and no such directory."""
    with PrivateRedis() as redis, tempfile.TemporaryDirectory() as directory:
        assert run(redis, directory, "-w", "1")[0] == "0 files, 0 lines, 0 words, 0 bytes\n"
        with open(directory + "/one", "w", encoding="ascii") as file:
            file.write("one two\n")
        assert run(redis, directory + "/one", "-w", "1")[0] == "1 files, 1 lines, 2 words, 8 bytes\n"
        _, err = run(redis, directory + "/none", "-w", "1", code=2)
        assert "No such file or directory" in err
        assert redis("DBSIZE") == 0


def usage():
    """--help, and what is wrong with a command line."""

    class Nowhere:
        url = "unix:///nonexistent/redis.sock"

    out, err = run(Nowhere, "--help")
    assert out.startswith("usage: weir-wordcount DIR") and err == ""
    assert all(len(line) <= 120 for line in out.splitlines())
    for arguments in [], ["a", "b"], ["--worker", "a"], ["--nonsense"], ["/", "-w", "x"], ["/", "-c", "0"]:
        out, err = run(Nowhere, *arguments, code=2)
        assert out == "" and "weir-wordcount --help" in err
    for arguments in ["/usr/share/doc"], ["/usr/share/doc", "-w", "2"], ["--worker"]:
        out, err = run(Nowhere, *arguments, code=2)
        assert out == "" and err.startswith("weir-wordcount: ")


if __name__ == "__main__":
    globals()[sys.argv[1]]()
