#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What weir says and how it ends where something is wrong: the command line, the server, the password, the disk."""

import os
import shutil
import subprocess
import tempfile
import unittest

import harness
from harness import PASSWORD, USER


class Usage(unittest.TestCase):
    def expect(self, arguments, code, words, **more):
        result = subprocess.run(
            [harness.WEIR, *arguments],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env=harness.environment(**more),
        )
        self.assertEqual(result.returncode, code, result)
        self.assertEqual(result.stdout, "")
        self.assertIn(words, result.stderr)
        return result.stderr

    def test_the_command_line(self):
        for arguments, words in [
            ([], "which subcommand?"),
            (["sl"], 'no subcommand "sl"'),
            (["ls", "--nonsense"], "no option --nonsense"),
            (["ls", "-x"], "no option -x"),
            (["ls", "--json=yes"], "--json takes no value"),
            (["ls", "--url"], "--url needs a value: URL"),
            (["ls", "--yes"], "--yes is no option of weir ls"),
            (["ls", "a", "b"], '"b" is one argument too many'),
            (["stats"], "the stream's name is missing"),
            (["stats", "--watch", "--interval", "soon", "jobs"], "--interval takes a span"),
            (["dead"], "usage: weir dead STREAM [ls]"),
            (["dead", "jobs", "raise"], "there is: ls, show, requeue, purge"),
            (["dead", "jobs", "show"], "an argument is missing"),
            (["dead", "jobs", "requeue", "--yes"], "--yes is no option of weir dead STREAM requeue"),
            (["dead", "jobs", "--count", "many"], "--count takes a number"),
            (["top"], "needs a terminal"),
            (["serve", "--port", "65536"], "at most 65535"),
            (["serve", "jobs"], "one argument too many"),
            (["ls", "--timeout", "0s"], "--timeout has to be from 1ms to 10m"),
            (["ls", "--timeout", "10m1ms"], "--timeout has to be from 1ms to 10m"),
            (["stats", "jobs", "--watch", "--interval", "0s"], "--interval has to be 1ms at least"),
            (["ls", "--alive", "0s"], "--alive has to be 1ms at least"),
            (["enqueue", "jobs", "n=1", "--delay", "10000d"], "of less than 10000d"),
            (["stats", ""], "the name of a stream has 1 to 512 bytes, not 0"),
            (["pause", "jobs", "x" * 513], "the name of a stream has 1 to 512 bytes, not 513"),
            (["dead", "", "show", "1-1"], "the name of a stream"),
            (["--url", "redis://127.0.0.1:1", "bench", "limit"], "--url is no option of weir bench"),
            (["--json", "bench", "limit"], "--json is no option of weir bench"),
            (["ls", "--url", "memory:x"], "memory:"),
            (["ls", "--url", "http://x"], "redis://"),
            (["ls", "--url-file", "/nonexistent/url"], "No such file"),
            (["ls", "--url-file", "/dev/null"], "is empty"),
        ]:
            with self.subTest(arguments=arguments):
                self.expect(arguments, 2, words)

    def test_nobody_there(self):
        errors = self.expect(["ls"], 3, "can't connect", WEIR_URL="unix:///nonexistent/redis.sock")
        self.assertIn("Is the server running", errors)
        self.assertEqual(errors.count("\n"), 2)
        self.expect(["ls", "--url", "redis://127.0.0.1:1"], 3, "127.0.0.1")
        self.expect(["stats", "jobs", "--watch"], 3, "can't connect", WEIR_URL="unix:///nonexistent/redis.sock")

    def bench(self, folder, *arguments):
        """Of a copy of weir in an empty folder, where there is what the test puts there."""
        program = shutil.copy(harness.WEIR, folder)
        return subprocess.run(
            [program, "bench", *arguments],
            capture_output=True,
            check=False,
            env=harness.environment(PATH="/nonexistent"),
        )

    def test_bench_where_there_is_none(self):
        with tempfile.TemporaryDirectory() as folder:
            result = self.bench(folder, "limit")
            self.assertEqual(result.returncode, 1)
            self.assertIn(b"weir-bench can't be run: No such file", result.stderr)

    def test_bench_gets_all_that_is_behind_it(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "weir-bench")
            with open(path, "w", encoding="utf-8") as file:
                file.write('#!/bin/sh\nprintf "%s|" "$@"\nexit 7\n')
            os.chmod(path, 0o755)
            self.assertEqual(self.bench(folder).stdout, b"--help|")
            result = self.bench(folder, "limit", "--json", "--help", "a b")
            self.assertEqual((result.returncode, result.stdout), (7, b"limit|--json|--help|a b|"))

    def test_output_that_can_not_be_written_is_a_failure(self):
        with open("/dev/full", "wb") as full:
            result = subprocess.run(
                [harness.WEIR, "--help"], stdout=full, stderr=subprocess.PIPE, check=False, env=harness.environment()
            )
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"No space left", result.stderr)


class Help(unittest.TestCase):
    def run_weir(self, *arguments):
        return subprocess.run(
            [harness.WEIR, *arguments], capture_output=True, text=True, check=True, env=harness.environment()
        ).stdout

    def test_each_subcommand_has_a_page_with_examples(self):
        names = [
            line.split()[0]
            for line in self.run_weir("--help").split("subcommands:")[1].split("\n\n")[0].splitlines()
            if line
        ]
        self.assertGreaterEqual(len(names), 12)
        for name in names:
            page = self.run_weir(name, "--help")
            self.assertIn(f"usage: weir {name}", page)
            self.assertRegex(page, rf"\nexamples:\n  (.*\| )?weir {name}")
            for line in page.splitlines():
                self.assertLessEqual(len(line), 100, line)
            self.assertEqual(page, self.run_weir("--help", name))

    def test_the_version(self):
        self.assertRegex(self.run_weir("--version"), r"\Aweir \d+\.\d+\.\d+\n\Z")


class Secrets(harness.Case):
    def test_a_wrong_password(self):
        for url in (f"unix://{USER}:wr0ng-{PASSWORD}@{self.redis.path}", f"unix://nobody:wr0ng@{self.redis.path}"):
            run = self.weir("ls", "--url", url, code=4)
            self.assertIn("password", run.errors)
            self.assertNotIn("wr0ng", run.errors)

    def test_what_the_user_may_not(self):
        self.redis("ACL", "SETUSER", "looker", "on", ">looks", "~jobs", "+xrange")
        run = self.weir("stats", "jobs", "--url", f"unix://looker:looks@{self.redis.path}", code=4)
        self.assertIn("docs/security.md", run.errors)
        self.assertNotIn("looks@", run.errors)

    def test_a_url_from_a_file(self):
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
            file.write(self.redis.url + "\n# ours\n")
            file.flush()
            self.weir("ls", "--url-file", file.name, WEIR_URL="unix:///nonexistent/x")

    def test_the_option_goes_before_the_environment(self):
        self.weir("ls", "--url", self.redis.url, WEIR_URL="unix:///nonexistent/x")

    def test_nobody_sees_it_in_the_list_of_processes(self):
        for arguments in (["--url", self.redis.url], ["--url=" + self.redis.url]):
            with subprocess.Popen(
                [harness.WEIR, "enqueue", "jobs", "--file", "-", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=harness.environment(),
            ) as process:
                process.stdin.write(b'{"fields": {"n": 1}}\n' * 1000)
                process.stdin.flush()
                self.wait_until(lambda: self.redis("EXISTS", "jobs"), "it to be connected")
                with open(f"/proc/{process.pid}/cmdline", "rb") as file:
                    line = file.read()
                self.assertNotIn(PASSWORD.encode(), line)
                self.assertIn(b"unix://*", line)
                process.communicate(timeout=60 * harness.TIMEOUT_SCALE)
            self.redis("DEL", "jobs")

    def test_it_is_in_no_word_that_is_printed(self):
        """The case looks for it in whatever the runs print; here all ways to fail."""
        with_password = f"redis://{USER}:{PASSWORD}@127.0.0.1:1/0"
        self.weir("ls", "--url", with_password, code=3)
        self.weir("ls", "--url", f"redis://{USER}:{PASSWORD}@127.0.0.1:port", code=2)
        self.weir("ls", "--nonsense", "--url", with_password, code=2)


if __name__ == "__main__":
    harness.main()
