#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""weir ls, stats, pending, delayed, dead, pause, resume, reap, check: what they show, and what they do."""

import base64
import json
import os
import signal
import subprocess

import harness

NASTY = b"evil\x1b[2J\x07\xff\xc2\x9b1m\xe2\x80\xae\n"
SHOWN = r"evil\x1b[2J\x07\xff\u{9b}1m\u{202e}\n"


class Queues(harness.Case):
    def test_nothing(self):
        self.assertEqual(self.weir("ls").text, "")
        self.assertEqual(self.weir("ls", "--json").json("ls"), {"items": []})
        self.weir("stats", "jobs", code=5)
        self.weir("pending", "jobs", code=5)
        self.weir("delayed", "jobs", code=5)
        self.weir("reap", "jobs", code=5)
        self.weir("dead", "jobs", code=5)
        self.weir("dead", "jobs", "requeue", "--all", code=5)
        self.weir("dead", "jobs", "purge", "--all", "--yes", code=5)
        self.redis("XADD", "other", "*", "n", 1)
        run = self.weir("check", "jobs", "other", code=5)
        self.assertIn('no queue "jobs"', run.errors)
        self.assertIn("warning, other: ", run.text)
        self.assertNotIn("All is well", run.text)

    def test_who_may_only_look_at_dead_letters_may_do_so(self):
        """Whether there is a queue can't be told then."""
        self.redis("ACL", "SETUSER", "reader", "on", ">reads", "~*", "+@connection", "+xlen", "+xrange")
        url = f"unix://reader:reads@{self.redis.path}"
        self.assertIn("no job is dead", self.weir("dead", "jobs", "--url", url).errors)

    def test_what_is_wrong_with_one_queue_holds_up_no_other(self):
        for name in ("a", "spoilt", "b"):
            self.redis("XGROUP", "CREATE", name, "weir", "0", "MKSTREAM")
            self.redis("XGROUP", "CREATECONSUMER", name, "weir", "gone")
        self.redis("SET", "{spoilt}:dead", "x")
        run = self.weir("reap", "a", "spoilt", "missing", "b", "--idle", "0s", code=5)
        self.assertEqual(run.text, "a, weir: 1 consumer deleted\nb, weir: 1 consumer deleted\n")
        self.assertIn("spoilt was left as it is", run.errors)
        self.assertIn('no queue "missing"', run.errors)
        self.assertEqual(self.weir("pause", "a", "spoilt", "b").text, "a is paused\nspoilt is paused\nb is paused\n")
        self.assertEqual(self.redis("EXISTS", "{a}:paused", "{spoilt}:paused", "{b}:paused"), 3)
        told = self.weir("resume", "a", "spoilt", "b", "--json").json("pause")["items"]
        self.assertEqual([item["stream"] for item in told if item["changed"]], ["a", "spoilt", "b"])
        self.redis("CONFIG", "SET", "maxmemory", 1)
        try:
            run = self.weir("pause", "a", "b", code=7)
        finally:
            self.redis("CONFIG", "SET", "maxmemory", 0)
        self.assertIn("a was left as it is", run.errors)
        self.assertEqual(self.redis("EXISTS", "{a}:paused", "{b}:paused"), 0)

    def test_a_table_is_aligned(self):
        self.redis("XADD", "a", "*", "n", 1)
        for _ in range(1234):
            self.redis("XADD", "a-longer-name", "*", "n", 1)
        self.redis("XADD", "漢字", "*", "n", 1)
        lines = self.weir("ls").lines
        self.assertEqual([line.split()[0] for line in lines], ["stream", "a", "a-longer-name", "漢字"])
        self.assertEqual(lines[2].split()[1], "1,234")
        at = lines[0].index("waiting") + len("waiting")
        self.assertEqual(
            (lines[1][:at], lines[2][:at]), ("a".ljust(at - 1) + "1", "a-longer-name".ljust(at - 5) + "1,234")
        )
        self.assertEqual(lines[3][: at - 2], "漢字".ljust(at - 3) + "1")  # which is two columns wider

    def test_patterns(self):
        for name in ("mail:a", "mail:b", "other"):
            self.redis("XADD", name, "*", "n", 1)
        self.assertEqual([line.split()[0] for line in self.weir("ls", "mail:[a]*").lines[1:]], ["mail:a"])
        self.assertEqual(
            [q["stream"] for q in self.weir("ls", "--json", "mail:*").json("ls")["items"]], ["mail:a", "mail:b"]
        )
        self.assertIn("no queue whose name matches", self.weir("ls", "x*").errors)

    def test_a_line_for_each_group(self):
        self.redis("XADD", "jobs", "1-0", "n", 1)
        self.redis("XGROUP", "CREATE", "jobs", "slow", "0")
        self.redis("XGROUP", "CREATE", "jobs", "fast", "$")
        lines = self.weir("ls").lines
        self.assertEqual(lines[0].split()[:3], ["stream", "group", "waiting"])
        self.assertEqual([line.split()[:3] for line in lines[1:]], [["jobs", "fast", "0"], ["jobs", "slow", "1"]])
        groups = {group["name"]: group for group in self.queue("jobs")["groups"]}
        self.assertEqual((groups["slow"]["waiting"], groups["fast"]["waiting"]), (1, 0))
        self.assertGreater(groups["slow"]["oldest_runnable_ms"], 10**12)

    def test_no_escape_gets_through(self):
        self.redis("XADD", NASTY, "1-0", NASTY, NASTY)
        self.redis("XGROUP", "CREATE", NASTY, NASTY, "0")
        self.redis("XREADGROUP", "GROUP", NASTY, NASTY, "STREAMS", NASTY, ">")
        self.redis("XADD", b"{" + NASTY + b"}:dead", "1-0", NASTY, NASTY, "weir.reason", NASTY, "weir.error", NASTY)
        self.redis("ZADD", b"{" + NASTY + b"}:delayed", "1", NASTY)
        name = os.fsdecode(NASTY)
        for arguments in (
            ["ls"],
            ["stats", name],
            ["pending", name],
            ["pending", name, "show", "1-0"],
            ["delayed", name],
            ["dead", name],
            ["dead", name, "show", "1-0"],
            ["pause", name],
            ["resume", name],
            ["reap", name],
        ):
            shown = self.weir(*arguments).bytes  # which looks for escapes itself
            self.assertIn(SHOWN.encode(), shown)
        run = self.weir("check", name, code=8)
        self.assertIn(SHOWN, run.text)
        self.assertIn(SHOWN, self.weir("enqueue", name, name, code=2).errors)
        listed = self.weir("ls", "--json").json("ls")["items"][0]
        self.assertEqual(base64.b64decode(listed["stream"]["base64"]), NASTY)

    def test_other_locales_see_nothing_but_ascii(self):
        self.redis("XADD", "é漢", "*", "n", 1)
        self.assertIn(rb"\u{e9}\u{6f22}", self.weir("ls", LC_ALL="C").bytes)

    def test_a_key_of_another_type_spoils_no_other_queue(self):
        self.redis("XADD", "good", "*", "n", 1)
        self.redis("XADD", "spoilt", "*", "n", 1)
        self.redis("SET", "{spoilt}:dead", "x")
        run = self.weir("ls")
        self.assertIn("good", run.text)
        self.assertIn("the key holds something else", run.text)
        queue = self.queue("spoilt")
        self.assertEqual(queue["error"]["code"], "WEIR_ERR_SERVER")
        self.weir("stats", "spoilt", code=1)

    def test_stats(self):
        with self.worker("jobs", "hold") as worker:
            for n in range(3):
                self.weir("enqueue", "jobs", f"n={n}")
            self.weir("enqueue", "jobs", "--delay", "1h", "n=4")
            worker.wait_for("start")
            told = self.weir("stats", "jobs", "--json").json("stats")
            self.assertEqual((told["delayed"], told["rates"], len(told["consumers"])), (1, None, 1))
            self.assertEqual(told["consumers"][0]["pending"], told["groups"][0]["pending"])
            text = self.weir("stats", "jobs").text
            self.assertRegex(text, r"delayed   1, the next is due in (59m|1h)")
            self.assertIn(told["consumers"][0]["name"], text)

    def watch(self, *arguments, stdout=subprocess.PIPE):
        return subprocess.Popen(
            [harness.WEIR, *arguments, "--json", "--interval", "20ms"],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env=harness.environment(WEIR_URL=self.redis.url),
        )

    def test_top_for_programs(self):
        self.redis("XADD", "jobs", "*", "n", 1)
        self.redis("XADD", "spoilt", "*", "n", 1)
        self.redis("SET", "{spoilt}:dead", "x")
        self.redis("XGROUP", "CREATE", "well", "weir", "$", "MKSTREAM")
        with self.watch("top") as process:
            first, second = (json.loads(process.stdout.readline()) for _ in range(2))
            for told in (first, second):
                harness.check_shape(told, "top")
                self.assertEqual([queue["stream"] for queue in told["items"]], ["jobs", "spoilt", "well"])
            self.assertEqual([queue["rates"] for queue in first["items"]], [None] * 3)
            self.assertEqual(second["items"][0]["rates"]["added"], 0)
            self.assertGreater(second["items"][0]["rates"]["over_ms"], 0)
            self.assertIsNone(second["items"][1]["rates"])
            self.redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")  # which it gets over
            for _ in range(3):
                json.loads(process.stdout.readline())
            process.send_signal(signal.SIGINT)
        self.assertEqual(process.returncode, -signal.SIGINT)
        with self.watch("top", "[js]*", "--trouble") as process:
            told = json.loads(process.stdout.readline())
            self.assertEqual([queue["stream"] for queue in told["items"]], ["jobs", "spoilt"])
            process.kill()

    def test_watching_ends_where_nothing_can_be_written(self):
        self.redis("XADD", "jobs", "*", "n", 1)
        for arguments in (["top"], ["stats", "jobs", "--watch"]):
            with open("/dev/full", "wb") as full, self.watch(*arguments, stdout=full) as process:
                self.assertIn(b"No space left", process.communicate(timeout=60 * harness.TIMEOUT_SCALE)[1])
            self.assertEqual(process.returncode, 1)

    def test_a_thousand_queues(self):
        for i in range(1000):
            self.redis("XADD", f"queue-{i:04}", "*", "n", 1)
            self.redis("XADD", "{queue-%04d}:dead" % i, "*", "n", 1)  # a second key by which it is found
            self.redis("ZADD", "{queue-%04d}:delayed" % i, 4e12, "n")  # and a third
        lines = self.weir("ls").lines
        self.assertEqual([line.split()[0] for line in lines[1:]], [f"queue-{i:04}" for i in range(1000)])
        self.assertEqual(len(self.weir("ls", "--json").json("ls")["items"]), 1000)

    def test_pause_and_resume(self):
        self.redis("XADD", "jobs", "*", "n", 1)
        self.assertEqual(self.weir("pause", "jobs").text, "jobs is paused\n")
        self.assertEqual(self.weir("pause", "jobs").text, "jobs was already paused\n")
        self.assertTrue(self.queue("jobs")["paused"])
        told = self.weir("resume", "jobs", "--json").json("pause")["items"]
        self.assertEqual(told, [{"stream": "jobs", "paused": False, "changed": True, "exists": True}])
        self.assertEqual(self.weir("resume", "jobs").text, "jobs was already running\n")
        self.assertIn("is the name right?", self.weir("pause", "jbos").errors)

    def test_reap(self):
        self.redis("XGROUP", "CREATE", "jobs", "weir", "0", "MKSTREAM")
        self.redis("XADD", "jobs", "*", "n", 1)
        self.redis("XREADGROUP", "GROUP", "weir", "busy", "STREAMS", "jobs", ">")
        self.redis("XGROUP", "CREATECONSUMER", "jobs", "weir", "gone")
        self.assertEqual(self.weir("reap", "jobs").text, "jobs, weir: 0 consumers deleted\n")
        self.assertEqual(self.weir("reap", "jobs", "--idle", "0s").text, "jobs, weir: 1 consumer deleted\n")
        told = self.weir("reap", "jobs", "--idle", "0s", "--group", "weir", "--json").json("reap")["items"]
        self.assertEqual(told, [{"stream": "jobs", "group": "weir", "count": 0}])
        self.weir("reap", "jobs", "--group", "nobody", code=5)

    def test_check(self):
        self.redis("XADD", "jobs", "*", "n", 1)
        run = self.weir("check", code=8)
        self.assertIn("warning, the server: The server keeps nothing on disk", run.text)
        self.assertIn("warning, jobs: The queue has 1 job and no group", run.text)
        self.redis("XADD", "others", "*", "n", 1)
        told = self.weir("check", "--json", code=8).json("check")["items"]
        self.assertEqual([item["stream"] for item in told if item["name"] == "no persistence"], [None])  # said once
        self.assertEqual([item["stream"] for item in told if item["name"] == "no group"], ["jobs", "others"])
        self.redis("HSET", "{jobs}:delayed:jobs", "orphan", "x")
        told = self.weir("check", "jobs", "--repair", "--json", code=8).json("check")["items"]
        self.assertEqual([item["repaired"] for item in told if item["name"] == "orphans"], [True])
        self.assertEqual(self.redis("XLEN", "{jobs}:dead"), 1)

    def test_check_when_all_is_well(self):
        self.redis("CONFIG", "SET", "appendonly", "yes")
        self.redis("CONFIG", "SET", "appendfsync", "always")
        try:
            self.assertEqual(self.weir("check").text, "All is well.\n")
            self.assertEqual(self.weir("check", "--json").json("check"), {"items": []})
            self.redis("XADD", "{jobs}:dead", "*", "n", 1)
            self.assertIn("notice, jobs: ", self.weir("check").text)  # a notice is no failure
        finally:
            self.redis("CONFIG", "SET", "appendonly", "no")


class Jobs(harness.Case):
    def deliver(self, n, consumer="c"):
        if not self.redis("EXISTS", "jobs"):
            self.redis("XGROUP", "CREATE", "jobs", "weir", "0", "MKSTREAM")
        for i in range(n):
            self.redis("XADD", "jobs", f"{1000 + i}-0", "n", i)
        self.redis("XREADGROUP", "GROUP", "weir", consumer, "COUNT", n, "STREAMS", "jobs", ">")

    def bury(self, *letters):
        """Each (id, reason) or (id, reason, more fields)."""
        for identity, reason, *more in letters:
            self.redis(
                "XADD",
                "{jobs}:dead",
                identity,
                *(more[0] if more else ["to", "ada"]),
                "weir.reason",
                reason,
                "weir.error",
                "no such user",
                "weir.attempts",
                5,
                "weir.deliveries",
                2,
                "weir.group",
                "weir",
                "weir.source_id",
                "999-1",
                "weir.first_enqueued_ms",
                1700000000000,
            )

    def test_pending(self):
        self.deliver(120)
        lines = self.weir("pending", "jobs").lines
        self.assertEqual(lines[0].split(), ["entry", "consumer", "age", "idle", "deliveries"])
        self.assertEqual(len(lines), 51)
        self.assertEqual(lines[1].split()[0], "1000-0")
        self.assertEqual(len(self.weir("pending", "jobs", "--all").lines), 121)
        told = self.weir("pending", "jobs", "--json", "--count", "2", "--after", "1003-0").json("pending_ls")
        self.assertEqual([item["entry_id"] for item in told["items"]], ["1004-0", "1005-0"])
        self.assertEqual(told["total"], 120)
        self.assertEqual(self.weir("pending", "jobs", "--json", "--consumer", "nobody").json("pending_ls")["items"], [])
        self.weir("pending", "jobs", "--group", "nobody", code=5)
        self.assertEqual(len(self.weir("pending", "jobs", "--group", "weir").lines), 51)

    def test_pending_of_several_groups(self):
        self.deliver(3)
        self.redis("XGROUP", "CREATE", "jobs", "other", "0")
        self.redis("XREADGROUP", "GROUP", "other", "x", "COUNT", 2, "STREAMS", "jobs", ">")
        items = self.weir("pending", "jobs", "--json", "--count", "4").json("pending_ls")["items"]
        self.assertEqual([item["group"] for item in items], ["other", "other", "weir", "weir"])

    def test_a_pending_job(self):
        self.redis(
            "XADD", "jobs", "1000-0", "to", "ada", "to", "grace", "tags", b"\x93\x01\xa2hi\xc0", "raw", b"\xff\0"
        )
        shown = self.weir("pending", "jobs", "show", "1000-0")
        self.assertIn("to          ada\n  to          grace\n", shown.text)
        self.assertIn('tags        [1, "hi", null]\n', shown.text)
        self.assertIn(r"raw         \xff\x00", shown.text)
        told = self.weir("pending", "jobs", "show", "1000-0", "--json").json("pending_show")["items"][0]
        self.assertEqual(told["fields"][1], {"name": "to", "value": "grace"})
        self.assertEqual(told["fields"][3], {"name": "raw", "value": {"base64": "/wA="}})
        run = self.weir("pending", "jobs", "show", "7-7", "1000-0", code=5)
        self.assertIn("7-7", run.errors)
        self.assertIn("grace", run.text)
        self.weir("pending", "jobs", "show", "x", code=2)

    def test_delayed(self):
        for name, span in (("later", "2h"), ("soon", "1h"), ("last", "3h")):
            self.weir("enqueue", "jobs", "--id", name, "--delay", span, f"to={name}")
        lines = self.weir("delayed", "jobs").lines
        self.assertEqual([line.split()[0] for line in lines], ["id", "soon", "later", "last"])
        self.assertIn("to=soon", lines[1])
        told = self.weir("delayed", "jobs", "--json", "--count", "1").json("delayed_ls")
        self.assertEqual((told["total"], [item["id"] for item in told["items"]]), (3, ["soon"]))

        self.assertEqual(self.weir("delayed", "jobs", "run", "later").text, "1 job moved into the stream\n")
        self.assertEqual(self.redis("XLEN", "jobs"), 1)
        run = self.weir("delayed", "jobs", "rm", "soon", code=9)
        self.assertIn("say --yes", run.errors)
        run = self.weir("delayed", "jobs", "rm", "soon", "nothing", "last", "--yes", code=5)
        self.assertEqual(run.text, "2 jobs deleted\n")
        self.assertIn("nothing", run.errors)
        self.assertEqual(self.redis("ZCARD", "{jobs}:delayed"), 0)
        told = self.weir("delayed", "jobs", "run", "soon", "--json", code=5).json("moved")
        self.assertEqual((told["count"], told["failed"][0]["code"]), (0, "WEIR_ERR_NOT_FOUND"))

    def test_delayed_jobs_that_are_odd(self):
        self.redis("ZADD", "{jobs}:delayed", "inf", "never", "5", "overdue", "1e300", "spoilt")
        for name in ("never", "overdue", "spoilt"):
            self.redis("HSET", "{jobs}:delayed:jobs", name, "x")
        lines = self.weir("delayed", "jobs").lines
        self.assertRegex(lines[1], r"^overdue +-\d+d")
        self.assertRegex(lines[2], r"^spoilt +never")
        self.assertRegex(lines[3], r"^never +never")
        due = [item["due_ms"] for item in self.weir("delayed", "jobs", "--json").json("delayed_ls")["items"]]
        self.assertEqual(due, [5, 1e300, None])

    def test_dead_letters(self):
        self.bury(*((f"{i}-0", "crashed" if i % 2 else "exhausted") for i in range(1, 121)))
        lines = self.weir("dead", "jobs").lines
        self.assertEqual(lines[0].split(), ["id", "died", "reason", "error", "job"])
        self.assertEqual(len(lines), 51)
        self.assertIn("no such user", lines[1])
        self.assertIn("to=ada", lines[1])
        self.assertEqual(len(self.weir("dead", "jobs", "ls", "--all").lines), 121)
        told = self.weir("dead", "jobs", "--json", "--reason", "crashed", "--count", "3", "--after", "4-0").json(
            "dead_ls"
        )
        self.assertEqual((told["total"], [item["id"] for item in told["items"]]), (120, ["5-0", "7-0", "9-0"]))
        told = self.weir("dead", "jobs", "--json", "--newest", "--count", "2", "--after", "100-0").json("dead_ls")
        self.assertEqual([item["id"] for item in told["items"]], ["99-0", "98-0"])
        shown = self.weir("dead", "jobs", "show", "5-0").text
        for words in (
            "reason      crashed",
            "died        1970-01-01T00:00:00.005Z",
            "enqueued    2023-11-14T22:13:20.000Z",
            "failed runs 5",
            "deliveries  2",
            "entry       999-1",
            "to          ada",
        ):
            self.assertIn(words, shown)
        self.assertEqual(
            self.weir("dead", "jobs", "show", "5-0", "--json").json("dead_show")["items"],
            [item for item in self.weir("dead", "jobs", "--json").json("dead_ls")["items"] if item["id"] == "5-0"],
        )
        self.weir("dead", "jobs", "show", "500-0", code=5)
        self.redis("XADD", "empty", "*", "n", 1)
        self.assertIn("no job is dead", self.weir("dead", "empty").errors)

    def test_requeueing(self):
        self.bury(("1-0", "crashed"), ("2-0", "exhausted"), ("3-0", "payload lost", []), ("4-0", "crashed"))
        self.assertEqual(self.weir("dead", "jobs", "requeue", "2-0").text, "1 job put back\n")
        told = self.weir("dead", "jobs", "requeue", "2-0", "3-0", "1-0", "--json", code=1).json("moved")
        self.assertEqual([item["code"] for item in told["failed"]], ["WEIR_ERR_NOT_FOUND", "WEIR_ERR_STATE"])
        self.assertEqual(told["count"], 1)
        run = self.weir("dead", "jobs", "requeue", "--all", code=1)
        self.assertEqual(run.text, "1 job put back\n")
        self.assertIn("3-0: ", run.errors)
        self.assertEqual((self.redis("XLEN", "jobs"), self.redis("XLEN", "{jobs}:dead")), (3, 1))

    def test_requeueing_those_of_one_reason(self):
        self.bury(*((f"{i}-0", "crashed" if i % 3 else "exhausted") for i in range(1, 1501)))
        self.assertEqual(
            self.weir("dead", "jobs", "requeue", "--all", "--reason", "crashed").text, "1,000 jobs put back\n"
        )
        left = self.weir("dead", "jobs", "--json", "--all").json("dead_ls")["items"]
        self.assertEqual({item["reason"] for item in left}, {"exhausted"})
        self.assertEqual((len(left), self.redis("XLEN", "jobs")), (500, 1000))

    def test_requeueing_more_than_a_page(self):
        self.bury(*((f"{i}-0", "crashed") for i in range(1, 2501)))
        self.bury(("2501-0", "payload lost", []), ("2502-0", "crashed"))
        told = self.weir("dead", "jobs", "requeue", "--all", "--json", code=1).json("moved")
        self.assertEqual((told["count"], [item["id"] for item in told["failed"]]), (2501, ["2501-0"]))
        self.assertEqual((self.redis("XLEN", "jobs"), self.redis("XLEN", "{jobs}:dead")), (2501, 1))
        self.redis("XADD", "empty", "*", "n", 1)
        self.assertEqual(self.weir("dead", "empty", "requeue", "--all").text, "0 jobs put back\n")

    def test_what_dies_meanwhile_is_not_meant(self):
        """A worker that lets each job die again: the command ends all the same."""
        self.bury(*((f"{i}-0", "crashed") for i in range(1, 1201)))
        with self.worker("jobs", "fail"):
            self.assertEqual(self.weir("dead", "jobs", "requeue", "--all").text, "1,200 jobs put back\n")
            self.wait_until(lambda: self.redis("XLEN", "{jobs}:dead") == 1200, "all to be dead again")
            self.assertEqual(
                self.weir("dead", "jobs", "requeue", "--all", "--reason", "rejected").text, "1,200 jobs put back\n"
            )

    def test_purging(self):
        self.bury(*((f"{i}-0", "crashed" if i % 2 else "exhausted") for i in range(1, 11)))
        run = self.weir("dead", "jobs", "purge", "--all", code=9)
        self.assertIn("say --yes", run.errors)
        self.assertEqual(self.redis("XLEN", "{jobs}:dead"), 10)
        self.assertEqual(self.weir("dead", "jobs", "purge", "1-0", "--yes").text, "1 job deleted\n")
        self.assertEqual(
            self.weir("dead", "jobs", "purge", "--all", "--reason", "crashed", "--yes").text, "4 jobs deleted\n"
        )
        told = self.weir("dead", "jobs", "purge", "--all", "--yes", "--json").json("moved")
        self.assertEqual(told, {"stream": "jobs", "count": 5, "failed": []})

    def interrupt(self, key, n, *arguments):
        """Runs weir until it has taken something away from the n in the key, and interrupts it there."""
        process = subprocess.Popen(
            [harness.WEIR, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=harness.environment(WEIR_URL=self.redis.url),
        )
        count = "XLEN" if key.endswith("dead") else "ZCARD"
        self.wait_until(lambda: self.redis(count, key) < n, "the first of them")
        self.redis.process.send_signal(signal.SIGSTOP)  # so that it can't end before it was interrupted
        process.send_signal(signal.SIGINT)
        self.redis.process.send_signal(signal.SIGCONT)
        out, errors = process.communicate(timeout=60 * harness.TIMEOUT_SCALE)
        self.assertEqual(process.returncode, 130, errors)
        self.assertIn(b"interrupted: ", errors)
        left = self.redis(count, key)
        self.assertTrue(0 < left < n)
        return out.decode(), n - left

    def test_who_is_interrupted_says_what_was_done(self):
        n = 50000
        fill = """for i = 1, ARGV[1] do
            redis.call('XADD', KEYS[1], i .. '-0', 'n', i, 'weir.reason', 'crashed', 'weir.group', 'weir') end"""
        for arguments, done in (
            (["requeue", "--all"], "put back"),
            (["requeue", "--all", "--reason", "crashed"], "put back"),
            (["purge", "--all", "--reason", "crashed", "--yes"], "deleted"),
            (["requeue", *(f"{i}-0" for i in range(1, n + 1))], "put back"),
        ):
            self.redis("FLUSHALL")
            self.redis("EVAL", fill, 1, "{jobs}:dead", n)
            out, count = self.interrupt("{jobs}:dead", n, "dead", "jobs", *arguments)
            self.assertEqual(out, f"{count:,} job{'s' * (count != 1)} {done}\n")
        n = 20000
        fill = """for i = 1, ARGV[1] do
            redis.call('ZADD', KEYS[1], i, 'job-' .. i)
            redis.call('HSET', KEYS[1] .. ':jobs', 'job-' .. i, 'x') end"""
        self.redis("EVAL", fill, 1, "{jobs}:delayed", n)
        ids = [f"job-{i}" for i in range(1, n + 1)]
        out, count = self.interrupt("{jobs}:delayed", n, "delayed", "jobs", "rm", "--yes", *ids)
        self.assertEqual(out, f"{count:,} job{'s' * (count != 1)} deleted\n")

    def test_which_ones_has_to_be_said(self):
        self.bury(("1-0", "crashed"))
        for arguments in (
            ["requeue"],
            ["purge", "--yes"],
            ["requeue", "1-0", "--all"],
            ["requeue", "1-0", "--reason", "x"],
            ["requeue", "1-0", "x"],  # nothing was done is what 2 means
            ["purge", "1-0", "1-0-0", "--yes"],
        ):
            self.weir("dead", "jobs", *arguments, code=2)
        self.assertEqual(self.redis("XLEN", "{jobs}:dead"), 1)

    def test_letters_that_are_listed_can_be_enqueued_again(self):
        self.bury(("1-0", "crashed", ["to", "ada", "raw", b"\xff\0"]))
        letter = self.weir("dead", "jobs", "--json").json("dead_ls")["items"][0]
        self.weir("enqueue", "again", "--file", "-", stdin=json.dumps({"fields": letter["fields"]}))
        self.assertEqual(self.redis("XRANGE", "again", "-", "+")[0][1], [b"to", b"ada", b"raw", b"\xff\0"])

    def test_none_is_not_said_of_what_was_not_asked_for(self):
        self.deliver(2)
        self.bury(("1-0", "crashed"))
        self.weir("enqueue", "jobs", "--delay", "1h", "n=1")
        for subcommand in ("pending", "delayed", "dead"):
            run = self.weir(subcommand, "jobs", "--count", "0")
            self.assertEqual((run.text, run.errors), ("", ""))
            told = self.weir(subcommand, "jobs", "--count", "0", "--json").json(subcommand + "_ls")
            self.assertGreater(told["total"], 0)

    def test_a_reader_that_has_seen_enough_ends_it_quietly(self):
        self.bury(*((f"{i}-0", "crashed") for i in range(1, 3001)))
        for arguments in ("--all", "--all --json"):
            command = f"'{harness.WEIR}' dead jobs {arguments} | head -n 1"
            result = subprocess.run(
                ["bash", "-c", command],
                capture_output=True,
                check=False,
                env=harness.environment(WEIR_URL=self.redis.url),
            )
            self.assertEqual(result.stderr, b"")
            self.assertEqual(result.stdout.count(b"\n"), 1)


if __name__ == "__main__":
    harness.main()
