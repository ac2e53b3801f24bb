#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: faults.py WORKER: who has never seen weir finds by the page alone why a queue isn't moving, and mends it."""
import re

import scene
from webdriver import until


def trouble_of(s, queue, badge):
    """From the list of queues, by what is said there, to the page of the one that isn't well, and the top of that."""
    b = s.browser
    b.says(badge, "table.queues")
    b.find("#trouble").click()
    b.button(queue).click()
    until(f"the page of {queue}", lambda: b.text("main h1") == queue)
    b.find(".why .finding")
    return b


def is_well(s):
    s.browser.says("All is well", ".why")


def there_is_no_worker(s):
    s.add("orders", do="done", name="first")
    s.open(s.serve())
    b = trouble_of(s, "orders", "no worker yet")
    b.says("no group that would read them", ".why")
    b.says("Start a worker", ".why .fix")
    s.redis("XGROUP", "CREATE", "orders", "workers", "0")
    b.says("no live consumer", ".why")
    s.start("--stream", "orders")
    s.wait_done("first")
    is_well(s)
    b.says("alive", "main")


def it_is_paused(s):
    s.redis("SET", "{orders}:paused", s.seconds_ago(120))
    s.add("orders", do="done", name="late")
    s.open(s.start("--stream", "orders"))
    b = trouble_of(s, "orders", "paused")
    b.says("has been paused for 2 minutes", ".why")
    b.button("Resume", ".why").click()
    s.wait_done("late")
    is_well(s)
    assert s.redis("EXISTS", "{orders}:paused") == 0
    assert b.find("#pause").text == "Pause"


def a_job_kills_its_workers(s):
    served = s.serve()
    poison = s.add("orders", do="crash", name="poison")
    crashing = ["--stream", "orders", "--max-deliveries", "4", "--min-idle-ms", "200"]
    for _ in range(3):
        s.start(*crashing).died()
    s.add("orders", do="done", name="behind")
    s.open(served)
    b = trouble_of(s, "orders", "poison job")
    b.says(f"{poison} was handed out 3 times and never answered for", ".why")
    b.button("Look at the job", ".why").click()
    b.says("crash", "#show")
    b.press("Escape")
    # it is handed out once more, and given up; then the others go on
    s.start(*crashing).died()
    s.start(*crashing)
    s.wait_done("behind")
    b.button("Look at the dead letters", ".why").click()
    b.says("crashed", ".dead")
    b.find(".dead tbody .link").click()
    b.says("it probably kills its worker", "#show")
    b.button("Delete", "#show").click()
    b.button("Delete", "#ask").click()
    until("the letter to be gone", lambda: s.dead("orders") == 0)
    is_well(s)


def redis_is_full(s):
    s.start("--stream", "orders")
    s.bury("orders", 100, ballast="x" * 100000)
    used = re.search(rb"used_memory:(\d+)", s.redis("INFO", "memory"))
    s.redis("CONFIG", "SET", "maxmemory", int(used[1]) - 5000000)
    s.open(s.serve())
    b = s.browser
    b.says("out of memory", "#banners")
    trouble_of(s, "orders", "Redis is full")
    b.says("out of memory", ".why")
    b.button("Look at the dead letters", ".why .finding.error").click()
    b.button("Delete all…").click()
    b.button("Delete all", "#ask").click()
    until("the letters to be gone", lambda: s.dead("orders") == 0)
    is_well(s)
    until("the banner to go", lambda: "out of memory" not in b.text("#banners"))
    s.add("orders", do="done", name="after")
    s.wait_done("after")


def the_handler_is_too_slow(s):
    early = s.seconds_ago(120)
    for i in range(30):
        s.add("orders", f"{early}-{i}", do="hold", name=f"slow-{i}")
    s.hold()
    worker = s.start("--stream", "orders", "--concurrency", "2")
    s.open(worker)
    b = trouble_of(s, "orders", "too slow")
    b.says("28 jobs wait to be read", ".why")
    b.says("make the handler faster", ".why .fix")
    b.says("This process runs 2 of at most 2 jobs at once")
    b.button("Look at what runs", ".why").click()
    until("both running jobs", lambda: len(b.all(".cards tbody tr")) == 2)
    s.start("--stream", "orders", "--concurrency", "30")
    until("what waits to be taken", lambda: len(b.all(".cards tbody tr")) == 30)
    s.let_go()
    s.wait_done(*[f"slow-{i}" for i in range(30)])
    is_well(s)


if __name__ == "__main__":
    scene.run([there_is_no_worker, it_is_paused, a_job_kills_its_workers, redis_is_full, the_handler_is_too_slow])
