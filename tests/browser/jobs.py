#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: jobs.py WORKER: what can be seen of jobs, and done to them."""
import re

import scene
from scene import QUICK, expecting
from webdriver import until

TAGS = b"\x93\xa1a\x01\xcf\xff\xff\xff\xff\xff\xff\xff\xff"  # ["a", 1, 18446744073709551615]


def reject(s, **fields):
    """A job that its worker rejects."""
    before = s.dead("orders")
    entry = s.add("orders", do="reject", **fields)
    until("it to be dead", lambda: s.dead("orders") == before + 1)
    return entry


def dead_jobs_are_shown_as_they_are(s):
    worker = s.start("--stream", "orders")
    reject(s, name="first", html="<img src=x onerror=\"document.title='caught'\">", tags=TAGS, bytes=b"\x00\xff<b>",
           text="two\nlines", long="é" * 3000)
    s.open(worker, "q/orders/dead")
    b = s.browser
    b.says("rejected", ".dead")
    b.says("<script>document.title = 'caught'</script>", ".dead")  # what the handler says of it
    b.find(".dead tbody .link").click()
    b.says("Its handler said that it can never work", "#show")
    b.says("<img src=x onerror", "#show")
    b.says("msgpack, 13 B", "#show")
    b.says("18446744073709551615", "#show")  # which no number of JavaScript's holds
    b.says("00 ff 3c 62 3e", "#show")
    b.says("two\nlines", "#show")
    b.says("the first 1 KiB of 5.9 KiB", "#show")
    b.button("Show it whole", "#show").click()
    until("the whole value", lambda: "é" * 3000 in b.text("#show"))
    assert b.js("return document.title") == "orders – weir"
    assert b.js("return document.querySelectorAll('#show img, #show script, main img, main script').length") == 0


def dead_jobs_are_requeued_and_deleted(s):
    worker = s.start("--stream", "orders")
    for name in ("a", "b", "c", "d", "e"):
        reject(s, name=name, once="1")
    s.open(worker, "q/orders/dead")
    b = s.browser
    until("five letters", lambda: len(b.all(".dead tbody tr")) == 5)
    rows = b.all(".dead tbody input")
    rows[0].click()  # e, the newest
    rows[1].click()  # d
    b.says("2 selected", ".tools")
    b.button("Requeue", ".tools").click()
    b.says("Requeue 2 jobs?", "#ask")
    b.button("Cancel", "#ask").click()
    assert s.dead("orders") == 5
    b.button("Requeue", ".tools").click()
    b.button("Requeue", "#ask").click()
    s.wait_done("d", "e")
    b.says("2 jobs were requeued.", "#status")
    until("three letters", lambda: len(b.all(".dead tbody tr")) == 3)
    b.says("None selected", ".tools")

    b.all(".dead td.acts button")[1].click()  # of c
    b.says("That can’t be undone", "#ask")
    b.press("Enter")  # the focus is on Cancel
    until("the question to be gone", lambda: b.look("#ask") is None)
    assert s.dead("orders") == 3
    b.all(".dead td.acts button")[1].click()
    b.button("Delete", "#ask").click()
    until("two letters", lambda: s.dead("orders") == 2 and len(b.all(".dead tbody tr")) == 2)

    b.button("Requeue all…").click()
    b.button("Requeue all", "#ask").click()
    s.wait_done("a", "b")
    b.says("There are no dead letters")
    assert not s.is_done("c")


@expecting("404")
def what_somebody_else_took_is_said(s):
    worker = s.start("--stream", "orders")
    reject(s, name="a")
    s.open(worker, "q/orders/dead")
    b = s.browser
    b.find(".dead tbody .link")
    s.redis("DEL", "{orders}:dead")
    b.all(".dead td.acts button")[0].click()
    b.button("Requeue", "#ask").click()
    b.says("It has gone: somebody else has requeued or deleted it", "#status")
    b.says("There are no dead letters", "main")


def dead_jobs_that_come_move_nothing_under_the_pointer(s):
    worker = s.start("--stream", "orders")
    reject(s, name="a")
    s.open(worker, "q/orders/dead")
    b = s.browser
    b.find(".dead tbody .link")
    reject(s, name="b")
    b.says("1 job has died since this list was made", ".stale")
    assert len(b.all(".dead tbody tr")) == 1
    b.button("Show", ".stale").click()
    until("both", lambda: len(b.all(".dead tbody tr")) == 2)
    assert b.look(".stale") is None


def a_million_dead_jobs_are_paged(s):
    many = 20000 if QUICK else 1000000
    for _ in range(0, many, 10000):
        s.bury("orders", 10000)
    s.open(s.serve(), "q/orders/dead")
    b = s.browser
    b.says("20k" if QUICK else "1M", ".totals")
    until("a page", lambda: len(b.all(".dead tbody tr")) == 50)
    assert "n=10000" in b.text(".dead tbody tr")
    b.button("Older").click()
    b.says("page 2", ".pager")
    assert "n=9950" in b.text(".dead tbody tr")
    b.button("Newer").click()
    b.says("page 1", ".pager")
    assert "n=10000" in b.text(".dead tbody tr")
    first = int(s.redis("XRANGE", "{orders}:dead", "-", "+", "COUNT", "1")[0][0].split(b"-")[0])
    # nothing died before that
    b.js("""const field = document.getElementById('jump');
            const at = new Date(arguments[0] - new Date().getTimezoneOffset() * 60000); // as a local time
            field.value = at.toISOString().slice(0, 19);
            field.dispatchEvent(new Event('change'));""", first - 5000)
    b.says("None that old", "main")

    b.button("Delete all…").click()
    yes = b.find("#ask-yes")
    assert not yes.enabled
    b.press(*"delete")
    until("the button", lambda: yes.enabled)
    b.press("Enter")
    until("some to be gone", lambda: s.dead("orders") < many)
    if not QUICK:  # which takes its time
        b.button("Stop", "#ask").click()
        b.says("jobs were deleted.", "#status")
        assert 0 < s.dead("orders") < many
        return
    until("all to be gone", lambda: s.dead("orders") == 0)
    b.says("20,000 jobs were deleted.", "#status")
    b.says("There are no dead letters", "main")


def delayed_jobs_are_run_or_dropped(s):
    worker = s.start("--stream", "orders")
    for name in ("soon", "never", "later"):
        worker.ask("POST", "api/queues/orders/jobs",
                   {"id": name, "delay_ms": 3600000, "fields": {"do": "done", "name": name}})
    s.open(worker, "q/orders/delayed")
    b = s.browser
    until("three of them", lambda: len(b.all(".cards tbody tr")) == 3)
    until("when they are due", lambda: re.search(r"in (59 min|1 h)\b", b.text("main")))
    b.button("Run now: soon").click()
    b.button("Run now", "#ask").click()
    s.wait_done("soon")
    until("two of them", lambda: len(b.all(".cards tbody tr")) == 2)
    b.button("Delete never").click()
    b.says("will never run", "#ask")
    b.button("Delete", "#ask").click()
    until("one of them", lambda: len(b.all(".cards tbody tr")) == 1)
    assert s.redis("ZRANGE", "{orders}:delayed", "0", "-1") == [b"later"]
    b.button("later").click()
    b.says("First enqueued", "#show")
    b.says("done", "#show")


def running_jobs_are_shown_with_their_workers(s):
    s.hold()
    worker = s.start("--stream", "orders", "--concurrency", "1", "--consumer", "here")
    s.add("orders", do="hold", name="one")
    until("one to run", lambda: s.redis("XPENDING", "orders", "workers")[0] == 1)
    s.start("--stream", "orders", "--concurrency", "1", "--consumer", "there")
    s.add("orders", do="hold", name="two")
    until("both to run", lambda: s.redis("XPENDING", "orders", "workers")[0] == 2)
    s.open(worker, "q/orders")
    b = s.browser
    b.says("here this process", "main")
    b.says("there", "main")
    b.button("Running 2").click()
    until("both", lambda: len(b.all(".cards tbody tr")) == 2)
    own, other = until("both to be read", lambda: [row.text for row in b.all(".cards tbody tr")])
    assert "at least" not in own and "here" in own, own
    assert "at least" in other and "there" in other, other
    before = b.text(".cards tbody tr")
    until("the time to go on", lambda: b.text(".cards tbody tr") != before)
    b.find(".cards tbody .link").click()
    b.says("hold", "#show")
    b.press("Escape")
    s.let_go()
    s.wait_done("one", "two")
    b.says("No worker has a job in hand")


if __name__ == "__main__":
    scene.run([
        dead_jobs_are_shown_as_they_are, dead_jobs_are_requeued_and_deleted, what_somebody_else_took_is_said,
        dead_jobs_that_come_move_nothing_under_the_pointer, a_million_dead_jobs_are_paged,
        delayed_jobs_are_run_or_dropped, running_jobs_are_shown_with_their_workers,
    ])
