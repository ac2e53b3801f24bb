#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""weir enqueue: one job, files, pipes, and what goes wrong with them."""

import json
import os
import re
import signal
import subprocess
import tempfile

import harness


class One(harness.Case):
    def fields(self, stream):
        """All entries of a stream, as lists of names and values."""
        return [fields for _, fields in self.redis("XRANGE", stream, "-", "+")]

    def test_a_job_is_what_xadd_would_have_written(self):
        run = self.weir("enqueue", "emails", "to=ada@example.org", "subject=a = b", "empty=")
        self.assertRegex(run.text, r"\A\d+-\d+\n\Z")
        self.assertEqual(self.fields("emails"), [[b"to", b"ada@example.org", b"subject", b"a = b", b"empty", b""]])
        self.assertEqual(self.redis("XRANGE", "emails", "-", "+")[0][0].decode(), run.text.strip())

    def test_words_behind_two_dashes_are_no_options(self):
        self.weir("enqueue", "emails", "--", "--to=x", "-=y")
        self.assertEqual(self.fields("emails"), [[b"--to", b"x", b"-", b"y"]])

    def test_delay_and_time(self):
        self.weir("enqueue", "jobs", "--id", "soon", "--delay", "1h30m", "n=1")
        self.weir("enqueue", "jobs", "--id=then", "--at", "2100-01-01T00:00:00+01:00", "n=2")
        now = int(self.redis("TIME")[0])
        soon, then = (float(self.redis("ZSCORE", "{jobs}:delayed", name)) for name in ("soon", "then"))
        self.assertAlmostEqual(soon / 1000, now + 5400, delta=60 * harness.TIMEOUT_SCALE)
        self.assertEqual(then, (4102444800 - 3600) * 1000)

    def test_the_same_id_adds_nothing_within_its_time(self):
        first = self.weir("enqueue", "jobs", "--id", "mail-17", "--idempotency", "1h", "n=1")
        again = self.weir("enqueue", "jobs", "--id", "mail-17", "--idempotency", "1h", "n=1")
        self.assertEqual((first.text, again.text), ("mail-17\n", "mail-17\n"))
        self.assertIn("nothing was added", again.errors)
        self.assertEqual(self.redis("XLEN", "jobs"), 1)
        third = self.weir("enqueue", "jobs", "--id", "mail-17", "--idempotency", "1h", "--json", "n=1").json("enqueue")
        self.assertEqual(third["items"], [{"id": "mail-17", "duplicate": True}])
        self.assertEqual((third["enqueued"], third["duplicates"], third["failed"]), (0, 1, 0))

    def test_traceparent(self):
        trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        self.weir("enqueue", "jobs", "--traceparent", trace, "n=1")
        self.assertIn(trace.encode(), self.fields("jobs")[0])

    def test_what_makes_no_sense(self):
        for arguments, words in [
            (["jobs"], "no field"),
            (["jobs", "n"], '"n" is no field'),
            (["jobs", "=x"], '"=x" is no field'),
            (["jobs", "weir.id=x"], "weir."),
            (["jobs", "n=1", "--delay", "5"], "a span with its unit"),
            (["jobs", "n=1", "--delay", "0x5s"], "a span with its unit"),
            (["jobs", "n=1", "--at", "tomorrow"], "a time such as"),
            (["jobs", "n=1", "--at", "2100-02-30T00:00:00Z"], "a time such as"),
            (["jobs", "n=1", "--at", "2100-01-01T00:00:00Z", "--delay", "1s"], "either --delay or --at"),
            (["jobs", "--file", "x", "--at", "2100-01-01T00:00:00Z", "--delay", "1s"], "either --delay or --at"),
            (["jobs", "n=1", "--idempotency", "1h"], "--id"),
            (["jobs", "n=1", "--ids"], "--file"),
            (["jobs", "n=1", "--file", "x"], "not both"),
            (["jobs", "--file", "/nonexistent/x"], "No such file"),
            (["jobs", "n=1", "--traceparent", "x"], "traceparent"),
            (["x" * 600, "n=1"], "512"),
        ]:
            run = self.weir("enqueue", *arguments, code=2)
            self.assertIn(words, run.errors)
            self.assertNotIn("job 0", run.errors)  # it is the only one
        self.assertEqual(self.redis("DBSIZE"), 0)


class Many(One):
    def file(self, *lines):
        file = tempfile.NamedTemporaryFile("wb", suffix=".ndjson", delete=False)
        self.addCleanup(os.unlink, file.name)
        with file:
            for line in lines:
                file.write(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n")
        return file.name

    def test_a_file(self):
        path = self.file(
            {"fields": {"to": "ada", "n": 3, "yes": True, "no": False, "real": 0.1, "big": 1e300, "nul": "a\0b"}},
            b"\n   \n",
            {
                "fields": [
                    {"name": "to", "value": "a"},
                    {"name": "to", "value": "é"},
                    {"name": {"base64": "/w=="}, "value": {"base64": "AP8="}},
                ]
            },
            {"id": "x", "fields": {"n": 1}, "delay_ms": 3600000},
        )
        run = self.weir("enqueue", "jobs", "--file", path)
        self.assertEqual(run.text, "3 jobs enqueued into jobs\n")
        self.assertEqual(
            self.fields("jobs"),
            [
                [
                    b"to",
                    b"ada",
                    b"n",
                    b"3",
                    b"yes",
                    b"true",
                    b"no",
                    b"false",
                    b"real",
                    b"0.1",
                    b"big",
                    b"1e300",
                    b"nul",
                    b"a\0b",
                ],
                [b"to", b"a", b"to", "é".encode(), b"\xff", b"\0\xff"],
            ],
        )
        self.assertEqual(self.redis("ZCARD", "{jobs}:delayed"), 1)

    def test_standard_input_and_ids(self):
        lines = "".join(json.dumps({"id": f"job-{i}", "fields": {"n": i}}) + "\n" for i in range(2500))
        run = self.weir("enqueue", "jobs", "--file", "-", "--ids", stdin=lines)
        self.assertEqual(run.lines, [f"job-{i}" for i in range(2500)])
        self.assertEqual(self.redis("XLEN", "jobs"), 2500)
        told = self.weir("enqueue", "jobs", "--file", "-", "--json", stdin=lines).json("enqueue")
        self.assertEqual((told["items"], told["enqueued"]), ([], 2500))
        listed = self.weir("enqueue", "jobs", "--file", "-", "--json", "--ids", stdin=lines).json("enqueue")
        self.assertEqual([item["id"] for item in listed["items"]], [f"job-{i}" for i in range(2500)])

    def test_a_file_that_was_given_twice(self):
        path = self.file(*({"id": f"job-{i}", "fields": {"n": i}} for i in range(1500)), {"fields": {"n": "no id"}})
        self.weir("enqueue", "jobs", "--file", path, "--idempotency", "1h")
        run = self.weir("enqueue", "jobs", "--file", path, "--idempotency", "1h")
        self.assertEqual(run.text, "1 job enqueued into jobs; 1,500 had been before\n")
        self.assertEqual(self.redis("XLEN", "jobs"), 1502)

    def test_defaults_of_the_lines(self):
        path = self.file({"id": "a", "fields": {"n": 1}}, {"id": "b", "fields": {"n": 1}, "delay_ms": 0})
        self.weir("enqueue", "jobs", "--file", path, "--delay", "1h")
        self.assertEqual((self.redis("ZCARD", "{jobs}:delayed"), self.redis("XLEN", "jobs")), (1, 1))

    def test_skipping_lines(self):
        path = self.file(*({"fields": {"n": i}} for i in range(5)))
        self.weir("enqueue", "jobs", "--file", path, "--skip", "3")
        self.assertEqual(self.fields("jobs"), [[b"n", b"3"], [b"n", b"4"]])

    def test_a_mistake_in_a_file_leaves_nothing_behind(self):
        good = [{"fields": {"n": i}} for i in range(1200)]
        for bad, words in [
            (b"{\n", "not JSON"),
            (b'{"fields": {"n": 1}} x\n', "not JSON"),
            (b'{"fields": {"n": 1, "n": 2}}\n', "duplicate"),
            (b"[]\n", "a job is an object"),
            ({}, 'no "fields"'),
            ({"fields": {}}, "1 to 3500 fields"),
            ({"fields": {str(i): i for i in range(3501)}}, "3501"),
            ({"fields": {"n": None}}, "n is null"),
            ({"fields": {"n": [1]}}, "n is a list"),
            ({"fields": {"n": {"a": 1}}}, "n is an object"),
            ({"fields": {"n": {"base64": "A"}}}, "base64"),
            ({"fields": {"n": {"base64": "A=AA"}}}, "base64"),
            ({"fields": {"": 1}}, "no name"),
            ({"fields": {"weir.x": 1}}, "weir."),
            ({"fields": [{"name": "n"}]}, "field 1 is not"),
            ({"fields": {"n": 1}, "to": "x"}, '"to" is nothing that a job has'),
            ({"fields": {"n": 1}, "delay_ms": -1}, "0 or more"),
            ({"fields": {"n": 1}, "delay_ms": 1.5}, "whole number"),
            ({"fields": {"n": 1}, "delay_ms": 1, "run_at_ms": 1}, "either"),
            ({"fields": {"n": 1}, "id": 7}, "has to be a text"),
            ({"fields": {"n": 1}, "id": "x" * 80}, "79"),
            ({"fields": {"n": 1}, "id": "a\0b"}, "NUL"),
            ({"fields": {"n": 1}, "idempotency_ms": 1}, "goes with"),
            ({"fields": {"n": 1}, "delay_ms": 2**52 + 1}, "at most 2^52"),
            ({"fields": {"n": 1}, "run_at_ms": 2**52 + 1}, "at most 2^52"),
            ({"fields": {"n": 1}, "id": "a", "idempotency_ms": 2**52 + 1}, "at most 2^52"),
            *(
                ({"fields": {"n": 1}, "traceparent": text}, "traceparent")
                for text in (
                    "",
                    f"00-{'1' * 32}-{'2' * 16}-0",
                    f"00-{'1' * 32}-{'2' * 16}-000",
                    f"00-{'1' * 32}-{'0' * 16}-01",
                    f"00-{'0' * 32}-{'2' * 16}-01",
                    f"ff-{'1' * 32}-{'2' * 16}-01",
                    f"00-{'A' * 32}-{'2' * 16}-01",
                )
            ),
            (b'{"fields": {"n": "\xff"}}\n', "not JSON"),
        ]:
            run = self.weir("enqueue", "jobs", "--file", self.file(*good, bad), code=2)
            self.assertIn("line 1201: ", run.errors)
            self.assertIn(words, run.errors)
            self.assertIn("Nothing was enqueued", run.errors)
        self.assertEqual(self.redis("DBSIZE"), 0)

    def test_a_mistake_in_a_pipe_is_found_when_it_comes(self):
        lines = "".join(json.dumps({"fields": {"n": i}}) + "\n" for i in range(1500)) + "x\n"
        run = self.weir("enqueue", "jobs", "--file", "-", stdin=lines, code=1)
        self.assertIn("line 1501: not JSON", run.errors)
        self.assertIn("1 failed; --skip 1500 goes on with line 1501", run.errors)
        self.assertEqual(self.redis("XLEN", "jobs"), 1500)
        mended = lines.replace("x\n", '{"fields": {"n": 1500}}\n')
        self.weir("enqueue", "jobs", "--file", "-", "--skip", "1500", stdin=mended)
        self.assertEqual(self.fields("jobs"), [[b"n", b"%d" % i] for i in range(1501)])

    def test_a_mistake_in_the_first_line_of_a_pipe(self):
        run = self.weir("enqueue", "jobs", "--file", "-", stdin='x\n{"fields": {"n": 1}}\n', code=2)
        self.assertIn("--skip 0 goes on with line 1", run.errors)
        self.assertEqual(self.redis("DBSIZE"), 0)

    def test_a_file_of_which_somebody_has_read_before(self):
        """As a shell's read does."""
        path = self.file({"not": "a job"}, {"fields": {"n": 1}}, {"fields": {"n": 2}})
        with open(path, "rb", buffering=0) as file:
            file.seek(len(b'{"not": "a job"}\n'))
            subprocess.run(
                [harness.WEIR, "enqueue", "jobs", "--file", "-"],
                stdin=file,
                stdout=subprocess.DEVNULL,
                env=harness.environment(WEIR_URL=self.redis.url),
                check=True,
            )
        self.assertEqual(self.fields("jobs"), [[b"n", b"1"], [b"n", b"2"]])

    def test_jobs_that_are_refused_are_named(self):
        self.weir("enqueue", "jobs", "--id", "b", "--delay", "1h", "n=0")
        path = self.file(*({"id": name, "fields": {"n": 1}, "delay_ms": 3600000} for name in "abc"))
        run = self.weir("enqueue", "jobs", "--file", path, code=1)
        self.assertIn("line 2: ", run.errors)
        self.assertIn("exists", run.errors)
        self.assertNotIn("line 1: ", run.errors)
        self.assertEqual(run.text, "2 jobs enqueued into jobs\n")
        told = self.weir("enqueue", "jobs", "--json", "--file", path, code=1).json("enqueue")
        self.assertEqual((told["enqueued"], told["failed"]), (0, 3))

    def test_a_server_that_is_full(self):
        self.redis("CONFIG", "SET", "maxmemory", 1)
        try:
            run = self.weir("enqueue", "jobs", "--file", self.file(*({"fields": {"n": i}} for i in range(50))), code=7)
        finally:
            self.redis("CONFIG", "SET", "maxmemory", 0)
        self.assertRegex(run.errors, "lines 1 to 50: XADD: the server has reached its maxmemory")
        self.assertIn("50 failed; --skip 0 goes on with line 1", run.errors)
        self.assertEqual(run.text, "0 jobs enqueued into jobs\n")

    def test_a_server_that_gets_full(self):
        """Each line that was not accepted is named, and what is advised goes on with them."""
        path = self.file(*({"fields": {"n": i, "padding": "x" * 1000}} for i in range(5000)))
        used = int(self.redis("INFO", "memory").split(b"used_memory:")[1].split()[0])
        self.redis("CONFIG", "SET", "maxmemory", used + 2500000)
        try:
            run = self.weir("enqueue", "jobs", "--file", path, code=7)
        finally:
            self.redis("CONFIG", "SET", "maxmemory", 0)
        accepted = {int(fields[1]) + 1 for fields in self.fields("jobs")}
        self.assertTrue(0 < len(accepted) < 5000)
        named = set()  # of what came behind the first refusal, some may have found room
        for first, last in re.findall(r", lines? (\d+)(?: to (\d+))?: XADD: the server has reached", run.errors):
            named |= set(range(int(first), int(last or first) + 1))
        self.assertEqual((named & accepted, named | accepted), (set(), set(range(1, max(named) + 1))))
        skip = max(accepted)
        self.assertIn(f"{len(named)} failed; --skip {skip} goes on with line {skip + 1}", run.errors)
        self.weir("enqueue", "jobs", "--file", path, "--skip", str(skip))
        now = {int(fields[1]) + 1 for fields in self.fields("jobs")}
        self.assertEqual(now, set(range(1, 5001)) - {line for line in named if line < skip})

    def test_a_reader_of_ids_that_goes_away(self):
        process = subprocess.Popen(
            [harness.WEIR, "enqueue", "jobs", "--ids", "--file", self.file(*({"fields": {"n": i}} for i in range(9000)))],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=harness.environment(WEIR_URL=self.redis.url),
        )
        process.stdout.close()
        errors = process.stderr.read().decode()
        process.stderr.close()
        self.assertEqual(process.wait(60 * harness.TIMEOUT_SCALE), 130)
        done = self.redis("XLEN", "jobs")
        self.assertEqual(done, 1000)  # the first batch
        self.assertIn(f"interrupted after line {done}; --skip {done} goes on", errors)

    def test_a_server_that_falls_silent(self):
        process = subprocess.Popen(
            [harness.WEIR, "enqueue", "jobs", "--file", "-", "--timeout", f"{2 * harness.TIMEOUT_SCALE}s"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=harness.environment(WEIR_URL=self.redis.url),
        )
        process.stdin.write(b'{"fields": {"n": 1}}\n' * 1000)
        process.stdin.flush()
        self.wait_until(lambda: self.redis("XLEN", "jobs") == 1000, "the first batch")
        self.redis.process.send_signal(signal.SIGSTOP)
        try:
            out, errors = process.communicate(b'{"fields": {"n": 1}}\n' * 1000, timeout=60 * harness.TIMEOUT_SCALE)
        finally:
            self.redis.process.send_signal(signal.SIGCONT)
        # the last answers to the first batch may have been on their way when the server was stopped
        done = int(re.fullmatch(rb"([\d,]+) jobs? enqueued into jobs\n", out).group(1).replace(b",", b""))
        self.assertEqual(process.returncode, 6)
        self.assertIn(f"lines {done + 1} to {1000 if done < 1000 else 2000}: ", errors.decode())
        self.assertIn("may have been enqueued all the same", errors.decode())

    def test_an_interrupt_says_what_was_done(self):
        process = subprocess.Popen(
            [harness.WEIR, "enqueue", "jobs", "--file", "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=harness.environment(WEIR_URL=self.redis.url),
        )
        process.stdin.write(b'{"fields": {"n": 1}}\n' * 1001)
        process.stdin.flush()
        self.wait_until(lambda: self.redis("XLEN", "jobs") == 1000, "the first batch")
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=60 * harness.TIMEOUT_SCALE)
        self.assertEqual(process.returncode, 130)
        done = self.redis("XLEN", "jobs")
        self.assertIn(done, (1000, 1001))  # it may have come before the last line was read
        self.assertEqual(out.decode(), f"{done:,} jobs enqueued into jobs\n")
        self.assertIn(f"--skip {done} goes on", errors.decode())


if __name__ == "__main__":
    harness.main()
