#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Somebody who has never seen weir finds with `weir ls` and `weir stats` why a queue isn't moving, and mends it."""

import re

import harness


class Diagnosis(harness.Case):
    def see(self, stream, name, *words):
        """The name is in the line of `weir ls`, and the words and a way out are in `weir stats`."""
        lines = self.weir("ls").lines
        self.assertIn("why", lines[0])
        self.assertIn(name, next(line for line in lines[1:] if line.split()[0] == stream))
        told = self.weir("stats", stream).text
        for word in (name + ": ", *words):
            self.assertIn(word, told)
        self.assertNotIn("Nothing keeps it from moving.", told)
        self.assertIn(name, self.why(stream))

    def see_nothing(self, stream):
        """It moves again: nothing waits, and nothing is said."""

        def is_well():
            queue = self.queue(stream)
            return not queue["findings"] and all(g["waiting"] == g["pending"] == 0 for g in queue["groups"])

        self.wait_until(is_well, "the queue to move again")
        self.assertIn("Nothing keeps it from moving.", self.weir("stats", stream).text)

    def add_old(self, stream, n):
        """As if they had waited since 1970."""
        for i in range(n):
            self.redis("XADD", stream, f"{1000 + i}-0", "n", i)

    def test_no_worker_was_ever_started(self):
        self.weir("enqueue", "jobs", "n=1")
        self.see("jobs", "no group", "Start a worker")
        with self.worker("jobs", "done"):
            self.see_nothing("jobs")

    def test_no_worker(self):
        with self.worker("jobs", "done") as worker:
            self.weir("enqueue", "jobs", "n=1")
            worker.wait_for("start")
        self.weir("enqueue", "jobs", "n=2")
        self.see("jobs", "no worker", "1 job waits to be read", "Start a worker of this group")
        with self.worker("jobs", "done"):
            self.see_nothing("jobs")

    def test_a_worker_that_was_killed(self):
        with self.worker("jobs", "hold") as worker:
            self.weir("enqueue", "jobs", "n=1")
            worker.wait_for("start")
            worker.kill()
        self.weir("enqueue", "jobs", "n=2")
        self.wait_until(lambda: self.why("jobs", "--alive", "10ms") == ["no worker"], "it to be missed")
        told = self.weir("stats", "jobs", "--alive", "10ms").text
        self.assertIn("no worker: ", told)
        self.assertIn("though there were some", told)
        with self.worker("jobs", "done"):
            self.see_nothing("jobs")

    def test_paused(self):
        with self.worker("jobs", "done"):
            self.weir("pause", "jobs")
            self.weir("enqueue", "jobs", "n=1")
            self.see("jobs", "paused", "no worker reads anything", "weir resume")
            self.weir("resume", "jobs")
            self.see_nothing("jobs")

    def test_a_poison_job(self):
        job = self.weir("enqueue", "jobs", "n=1").text.strip()
        for _ in range(3):
            with self.worker("jobs", "crash") as worker:
                worker.wait_for("start")
                worker.process.wait()
        self.see("jobs", "poison job", f"the job {job} was handed out 3 times", "weir pending STREAM show ID")
        listed = self.weir("pending", "jobs").text
        self.assertIn(job, listed)
        self.assertIn("n", self.weir("pending", "jobs", "show", job).text)
        with self.worker("jobs", "done"):  # which had its mistake mended
            self.see_nothing("jobs")

    def test_a_poison_job_that_was_given_up(self):
        job = self.weir("enqueue", "jobs", "n=1").text.strip()
        for _ in range(5):
            with self.worker("jobs", "crash") as worker:
                worker.wait_for("start")
                worker.process.wait()
        with self.worker("jobs", "done") as worker:
            self.wait_until(lambda: self.queue("jobs")["dead"] == 1, "it to be given up")
            self.assertIn("weir dead STREAM", self.weir("stats", "jobs").text)
            letters = self.weir("dead", "jobs", "--json").json("dead_ls")["items"]
            self.assertEqual([(letter["job_id"], letter["reason"]) for letter in letters], [(job, "crashed")])
            self.weir("dead", "jobs", "requeue", letters[0]["id"])
            worker.wait_for("start " + job)
            self.see_nothing("jobs")

    def test_redis_is_out_of_memory(self):
        with self.worker("jobs", "done"):
            self.redis("CONFIG", "SET", "maxmemory", 1)
            try:
                refused = self.weir("enqueue", "jobs", "n=1", code=7)
                self.assertIn("maxmemory", refused.errors)
                self.see("jobs", "full", "out of memory", "Raise maxmemory")
            finally:
                self.redis("CONFIG", "SET", "maxmemory", 0)
            self.weir("enqueue", "jobs", "n=1")
            self.see_nothing("jobs")

    def test_redis_is_out_of_memory_for_dead_letters(self):
        """Which is mended from here as well: deleting is done where nothing can be stored."""
        fill = """for i = 1, 100 do redis.call('XADD', KEYS[1], i .. '-0', 'n', i, 'ballast', ARGV[1],
            'weir.reason', 'rejected', 'weir.group', 'weir') end"""
        self.redis("EVAL", fill, 1, "{jobs}:dead", "x" * 100000)
        used = int(re.search(rb"used_memory:(\d+)", self.redis("INFO", "memory"))[1])
        with self.worker("jobs", "done"):
            self.redis("CONFIG", "SET", "maxmemory", used - 5000000)
            try:
                self.see("jobs", "full", "delete dead letters")
                self.assertEqual(self.weir("dead", "jobs", "purge", "--all", "--yes").text, "100 jobs deleted\n")
                self.weir("enqueue", "jobs", "n=1")
                self.see_nothing("jobs")
            finally:
                self.redis("CONFIG", "SET", "maxmemory", 0)

    def test_handlers_are_too_slow(self):
        self.add_old("jobs", 5)
        with self.worker("jobs", "hold") as worker:
            worker.wait_for("start")
            self.see(
                "jobs", "slow handler", "4 jobs wait to be read", "1 live consumer has 1 in hand", "start more workers"
            )
            worker.release()  # now it is as fast as it should be
            self.see_nothing("jobs")

    def test_workers_that_do_not_read(self):
        self.redis("XGROUP", "CREATE", "jobs", "weir", "0", "MKSTREAM")
        self.redis("XGROUP", "CREATECONSUMER", "jobs", "weir", "idler")
        self.add_old("jobs", 2)
        self.see("jobs", "not reading", "nothing in hand", "weir_queue_pause")

    def test_all_is_well(self):
        with self.worker("jobs", "done") as worker:
            self.weir("enqueue", "jobs", "n=1")
            worker.wait_for("start")
            self.see_nothing("jobs")
            self.assertEqual(self.weir("ls", "--trouble").lines, [])


if __name__ == "__main__":
    harness.main()
