#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""weir in a terminal: colours, width, progress, questions, --watch, top."""

import json
import subprocess

import harness
from harness import WEIR, PrivateRedis
from terminal import CONTROL, Terminal, columns_of, run_in_terminal

RED, YELLOW = b"\x1b[31;1m", b"\x1b[33m"
SCREEN, SCREEN_BACK = b"\x1b[?1049h", b"\x1b[?1049l"


class Case(harness.Case):
    def environment(self, **more):
        return harness.environment(**{"WEIR_URL": self.redis.url, **more})


class Output(Case):
    def show(self, *arguments, columns=80, code=0, **more):
        output, status = run_in_terminal([WEIR, *arguments], self.environment(**more), columns)
        self.assertEqual(status, code, output)
        return output

    def fill(self):
        for name in ("short", "a-very-long-name-of-a-stream:" + "x" * 80 + ":end", "漢字" * 30):
            self.redis("XADD", name, "1-0", "to", "ada@example.org" * 10)
            self.redis("XGROUP", "CREATE", name, "a-group-with-a-long-name" * 2, "0")
            self.redis(
                "XREADGROUP",
                "GROUP",
                "a-group-with-a-long-name" * 2,
                "host.example.org:1234:abcdef01",
                "STREAMS",
                name,
                ">",
            )
            self.redis("XADD", name, "2-0", "to", "grace")
        self.redis(
            "XADD",
            "{short}:dead",
            "1-0",
            "to",
            "ada@example.org" * 10,
            "weir.reason",
            "payload lost",
            "weir.error",
            "漢字 went wrong " * 10,
        )
        self.weir("enqueue", "short", "--id", "x" * 79, "--delay", "1h", "to=" + "ada@example.org" * 10)

    def test_colours_only_where_they_are_wanted(self):
        self.redis("XADD", "jobs", "*", "n", 1)
        self.assertIn(YELLOW, self.show("ls"))
        self.assertNotIn(b"\x1b", self.show("ls", NO_COLOR="1"))
        self.assertIn(YELLOW, self.show("ls", NO_COLOR=""))
        self.assertNotIn(b"\x1b", self.show("ls", TERM="dumb"))
        self.assertNotIn(b"\x1b", self.show("ls", TERM=""))
        self.assertNotIn(b"\x1b", self.show("ls", "--json"))
        self.weir("ls")  # which looks for them itself
        self.redis("CONFIG", "SET", "maxmemory", 1)
        try:
            self.assertIn(RED + b"full", self.show("stats", "jobs"))
        finally:
            self.redis("CONFIG", "SET", "maxmemory", 0)

    def test_no_line_is_wider_than_the_terminal(self):
        self.fill()
        for columns in (60, 80, 120, 200):
            for arguments in (
                ["ls"],
                ["ls", "--trouble"],
                ["stats", "short"],
                ["pending", "short"],
                ["delayed", "short"],
                ["dead", "short"],
            ):
                for line in self.show(*arguments, columns=columns).split(b"\r\n"):
                    self.assertLessEqual(columns_of(line), columns, line)
        narrow = self.show("ls", columns=60).decode()
        self.assertIn("stream", narrow)
        self.assertIn("…", narrow)
        self.assertRegex(narrow, r"a-very-\S*…\S*:end")  # a name is known by both its ends
        self.assertNotIn("…", self.weir("ls").text)  # nothing is cut where it goes to a program

    def test_a_very_narrow_one(self):
        self.fill()
        for columns in (1, 20, 40):
            self.show("ls", columns=columns)

    def test_how_many_there_are_besides(self):
        for i in range(1, 61):
            self.redis("XADD", "{jobs}:dead", f"{i}-0", "n", i, "weir.reason", "crashed")
        self.assertIn("50 of 60: --all shows all", self.show("dead", "jobs").decode())
        self.assertNotIn("50 of 60", self.weir("dead", "jobs").text)
        self.assertIn("1 queue, all is well", self.show("ls").decode())

    def test_questions(self):
        self.redis("XADD", "{jobs}:dead", "1-0", "n", 1)
        for answer, code in (("n\n", 9), ("\n", 9), ("yess\n", 9), ("\x04", 9), ("y\n", 0)):
            with Terminal([WEIR, "dead", "jobs", "purge", "--all"], self.environment()) as terminal:
                terminal.wait_for("Delete 1 dead letter of jobs for good? [y/N] ")
                terminal.send(answer)
                output, status = terminal.end()
                self.assertEqual(status, code, output)
            self.assertEqual(self.redis("XLEN", "{jobs}:dead"), 0 if code == 0 else 1)

    def test_progress_of_a_pipe(self):
        with Terminal([WEIR, "enqueue", "jobs", "--file", "-"], self.environment(), stdin=subprocess.PIPE) as terminal:
            while b"/s" not in terminal.output:  # until it has taken long enough
                terminal.process.stdin.write(b'{"fields": {"n": 1}}\n' * 1000)
                terminal.process.stdin.flush()
                terminal.read_some()
            self.assertRegex(terminal.output, rb"\r\x1b\[Kenqueueing [0-9,]+, [0-9,.]+/s")
            terminal.process.stdin.close()
            output, code = terminal.end()
        self.assertEqual(code, 0)
        self.assertRegex(output, rb"\r\x1b\[K[0-9,.M]+ jobs enqueued into jobs\r\n\Z")

    def hold_up(self, start):
        """Lets the server keep the first command that writes waiting until that has taken more than a second."""
        self.redis("CLIENT", "PAUSE", 600000, "WRITE")
        try:
            started = start()

            def held_up():
                clients = self.redis("CLIENT", "LIST").decode().splitlines()
                return any("name=weir-cli" in line and " idle=2 " in line for line in clients)

            self.wait_until(held_up, "a command to be held up")
        finally:
            self.redis("CLIENT", "UNPAUSE")
        return started

    def requeue_slowly(self, start):
        for i in range(1, 2001):
            self.redis("XADD", "{jobs}:dead", f"{i}-0", "n", i, "weir.reason", "crashed")
        arguments = [WEIR, "dead", "jobs", "requeue", "--all", "--timeout", "600s"]
        return self.hold_up(lambda: start(arguments))

    def test_progress_towards_an_end(self):
        with self.requeue_slowly(lambda arguments: Terminal(arguments, self.environment())) as terminal:
            output, code = terminal.end()
        self.assertEqual(code, 0)
        self.assertRegex(
            output.decode(),
            r"\r\x1b\[Krequeueing \[█{10}░{10}\] 50% 1,000 of 2,000, [0-9.,]+/s, [0-9.ms ]+ left",
        )
        self.assertTrue(output.endswith(b"\r\x1b[K2,000 jobs put back\r\n"), output)

    def test_no_progress_where_nobody_looks(self):
        def start(arguments):
            return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment())

        with self.requeue_slowly(start) as process:
            self.assertEqual(process.communicate(), (b"2,000 jobs put back\n", b""))

    def test_watching_a_queue(self):
        self.redis("XADD", "jobs", "*", "n", 1)
        arguments = [WEIR, "stats", "jobs", "--watch", "--interval", "10ms"]
        with Terminal(arguments, self.environment()) as terminal:
            terminal.wait_for("\x1b[H\x1b[J")
            terminal.wait_for("entries   1 in the stream")
            self.redis("XADD", "jobs", "*", "n", 2)
            terminal.wait_for("entries   2 in the stream")
            terminal.wait_for("a second")
            terminal.send("\x03")
            self.assertEqual(terminal.end()[1], -2)  # SIGINT, as a shell expects

    def test_watching_without_a_terminal(self):
        self.redis("XADD", "jobs", "*", "n", 1)
        command = [WEIR, "stats", "jobs", "--watch", "--json", "--interval", "1ms"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=self.environment()) as process:
            first, second = (json.loads(process.stdout.readline()) for _ in range(2))
            process.kill()
        for told in (first, second):
            harness.check_shape(told, "stats")
        self.assertIsNone(first["rates"])
        self.assertEqual(set(second["rates"]), {"over_ms", "added", "finished", "dead"})

    def test_watching_a_server_that_goes_away(self):
        with PrivateRedis() as redis:
            redis("XADD", "jobs", "*", "n", 1)
            command = [WEIR, "stats", "jobs", "--watch", "--interval", "10ms"]
            with Terminal(command, self.environment(WEIR_URL=redis.url)) as terminal:
                terminal.wait_for("entries   1")
                redis.process.kill()
                terminal.wait_for("weir stats: ")
                terminal.wait_for("Is the server running")


class Top(Case):
    def top(self, *arguments, **more):
        return Terminal([WEIR, "top", "--interval", "50ms", *arguments], self.environment(**more))

    def frame(self, terminal, words):
        """The lines of a frame that has these words."""

        def next_frame():
            terminal.wait_for("\x1b[H")
            frame = terminal.wait_for("\x1b[J")
            lines = [CONTROL.sub(b"", line).decode() for line in frame.split(b"\r\n")]
            return words in "\n".join(lines) and lines

        return self.wait_until(next_frame, f"a frame with {words!r}")

    def test_it_shows_and_sorts(self):
        for name, n in (("a", 1), ("b", 3), ("c", 2)):
            for i in range(n):
                self.redis("XADD", name, f"{i + 1}-0", "n", i)
        with self.top() as terminal:
            terminal.wait_for(SCREEN)
            terminal.wait_for("\x1b[?7l")  # a line that is too wide for a terminal of a few columns is cut by that
            self.wait_until(lambda: not terminal.is_as_usual(), "keys to come as they are pressed")
            lines = self.frame(terminal, "by name")
            self.assertIn("3 queues, 3 with trouble", lines[0])
            self.assertEqual(
                [line.split()[:2] for line in lines[2:6]], [["stream", "waiting"], ["a", "1"], ["b", "3"], ["c", "2"]]
            )
            self.assertIn("q quit", lines[-1])
            terminal.send("w")
            lines = self.frame(terminal, "by waiting")
            self.assertEqual([line.split()[0] for line in lines[3:6]], ["b", "c", "a"])
            for key, name in (("r", "running"), ("o", "oldest"), ("f", "done a second"), ("d", "dead"), ("n", "name")):
                terminal.send(key)
                self.frame(terminal, "by " + name)
            terminal.send("t")
            self.frame(terminal, "only those with trouble")
            self.redis("XADD", "{a}:dead", "1-0", "n", 1)
            self.redis("XADD", "new", "1-0", "n", 1)
            self.frame(terminal, "4 queues")
            terminal.send("q")
            output, code = terminal.end()
            self.assertTrue(terminal.is_as_usual())
        self.assertEqual(code, 0)
        self.assertTrue(output.endswith(b"\x1b[?7h\x1b[?25h" + SCREEN_BACK), output)

    def test_queues_vanish(self):
        self.redis("XADD", "a", "1-0", "n", 1)
        self.redis("XADD", "b", "1-0", "n", 1)
        with self.top() as terminal:
            self.frame(terminal, "2 queues")
            self.redis("DEL", "a")
            self.frame(terminal, "1 queue, ")

    def test_moving_and_resizing(self):
        for i in range(100):
            self.redis("XADD", f"queue-{i:03}", "1-0", "n", 1)
        with self.top() as terminal:
            lines = self.frame(terminal, "queue-000")
            self.assertEqual(len(lines), 24)
            for line in lines:
                self.assertLessEqual(len(line), 80)
            terminal.send("\x1b[B")
            self.assertTrue(self.frame(terminal, "queue-001")[3].startswith("queue-00"))
            terminal.send("\x1b[6~")
            self.assertTrue(self.frame(terminal, "queue-021")[3].startswith("queue-021"))
            terminal.send("\x1b[5~\x1b[A\x1b[H")
            self.frame(terminal, "queue-000")
            terminal.send("\x1b[F")
            self.frame(terminal, "queue-099")
            terminal.resize(60, 12)
            lines = self.wait_until(
                lambda: (lines := self.frame(terminal, "queue-0")) and len(lines) == 12 and lines,
                "a frame of twelve lines",
            )
            for line in lines:
                self.assertLessEqual(len(line), 60)

    def test_escapes_in_names_stay_visible(self):
        self.redis("XADD", b"evil\x1b[31m\r\n", "1-0", "n", 1)
        with self.top() as terminal:
            self.assertIn(r"evil\x1b[31m\r\n", self.frame(terminal, "evil")[3])

    def test_a_server_that_goes_away(self):
        with PrivateRedis() as redis:
            redis("XADD", "jobs", "1-0", "n", 1)
            with self.top(WEIR_URL=redis.url) as terminal:
                self.frame(terminal, "jobs")
                redis.process.kill()
                lines = self.frame(terminal, "trying again")
                self.assertIn("jobs", lines[3])  # as it was seen last
                terminal.send("\x03")
                self.assertEqual(terminal.end()[1], 0)

    def test_it_needs_a_terminal(self):
        self.weir("top", code=2)


if __name__ == "__main__":
    harness.main()
