#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: pages.py WORKER: the list of queues, a queue's page, and the line to the server."""
import re

import scene
from scene import TOKEN, expecting
from webdriver import until


def the_list_moves(s):
    worker = s.start("--stream", "orders")
    s.add("letters", do="done")
    s.open(worker)
    b = s.browser
    b.says("orders", "table.queues")
    b.says("no worker yet", "table.queues")

    def numbers():
        return [cell.text for cell in b.all("table.queues tbody tr:last-child td")]

    def drawn():
        return b.js("return document.querySelector('tbody tr:last-child .spark.good .line').getAttribute('d')")

    until("the row", lambda: len(numbers()) == 8)
    lines = set()

    def moves():
        for _ in range(20):
            s.add("orders", do="done", name="x")
        lines.add(drawn())
        return len(lines) > 3 and numbers()[6].endswith("/s") and numbers()[6] != "0/s" and numbers()[0] == "moving"
    until("throughput and sparkline to move", moves)
    s.bury("orders", 3)
    until("dead ones to be counted", lambda: numbers()[4] == "3")
    until("and drawn", lambda: b.js("return !document.querySelector('tbody tr:last-child .spark.bad.flat')"))
    b.button("orders").click()
    b.find(".why .finding.ok")


def a_thousand_queues_are_at_hand(s):
    for i in range(1020):
        s.add(f"tenant:{i:04d}", do="done")
        if i % 100 == 7:
            for _ in range(5):
                s.add(f"tenant:{i:04d}", do="done")
    s.open(s.serve())
    b = s.browser
    b.says("1,020 queues", ".found")
    assert len(b.all("table.queues tbody tr")) == 50
    b.says("1 – 50 of 1,020", ".pager")
    b.button("Next").click()
    b.says("51 – 100 of 1,020", ".pager")
    assert b.text("table.queues tbody th") == "tenant:0050"
    b.button("Waiting", "table.queues").click()
    until("the fullest first", lambda: b.text("table.queues tbody th") == "tenant:0007")
    assert b.js("return document.querySelector('[aria-sort]').innerText.trim()") == "Waiting"
    b.press("/")
    b.press(*"0999")
    b.says("1 of 1,020 queues", ".found")
    b.button("tenant:0999").click()
    b.says("1 job and no group", ".why")
    b.button("Queues", ".crumbs").click()
    b.says("1 of 1,020 queues", ".found")  # the choice is remembered


def names_may_be_anything(s):
    names = [b"with space/and slash?#%", b"b\xfcro", "Grüße".encode(), b"<b>bold</b>", b"{tag}:x", b"a+b&c=d"]
    for name in names:
        s.redis("XADD", name, "*", "do", "done")
    s.open(s.serve())
    b = s.browser
    b.says(f"{len(names)} queues", ".found")
    for shown in ("with space/and slash?#%", "b\\xfcro", "Grüße", "<b>bold</b>", "{tag}:x", "a+b&c=d"):
        b.button(shown).click()
        until(f"the page of {shown}", lambda: b.text("main h1") == shown)
        b.says("1 job and no group", ".why")
        b.find("#pause").click()
        b.button("Resume", ".head")
        b.button("Queues", ".crumbs").click()
        b.find("table.queues")
    assert len(s.redis("KEYS", "*:paused")) == len(names)


def times_are_drawn(s):
    worker = s.start("--stream", "orders")
    s.open(worker, "q/orders")
    b = s.browser
    b.find(".plot")

    def legend(title):
        return b.js("""for (const plot of document.querySelectorAll('.plot'))
            if (plot.querySelector('figcaption').innerText === arguments[0])
                return `${plot.querySelector('.legend').innerText}|${plot.querySelector('.line').getAttribute('d')}`;
            """, title)

    def busy():
        for _ in range(5):
            s.add("orders", do="done", name="x")
        return all(re.search(r"\d (µs|ms|s).*\|M.*L", legend(title), re.DOTALL) for title in ("Wait time", "Run time"))
    until("wait and run time to be drawn", busy)
    until("throughput to be drawn", lambda: "L" in legend("Throughput").split("|")[1])
    assert "p50" in legend("Run time") and "p99" in legend("Run time")
    # a process without workers doesn't know them, and says so
    s.open(s.serve(), "q/orders")
    b.says("measured by the workers themselves", "main")
    until("one plot", lambda: len([plot for plot in b.all(".plot") if plot.shown]) == 1)


# --- the line ---

@expecting("401")
def the_token_is_asked_for(s):
    served = s.serve()
    s.add("orders", do="done")
    s.open(served, token=None)
    b = s.browser
    field = b.find("#token")
    assert b.focused().ident == field.ident and field.label == "Token"
    field.type("wrong")
    b.press("Enter")
    b.says("This token is not the right one", "main")
    b.find("#token").type(TOKEN)
    b.press("Enter")
    b.button("orders")
    kept = "return [sessionStorage.length, localStorage.length, document.cookie, location.href.includes(arguments[0])]"
    assert b.js(kept, TOKEN) == [1, 0, "", False]
    # and a new tab knows nothing of it
    b.js("sessionStorage.clear(); location.reload()")
    b.find("#token")


def without_a_token_there_is_nothing_to_press(s):
    served = s.serve(token=None)
    s.bury("orders", 1)
    s.open(served, "q/orders/dead", token=None)
    b = s.browser
    b.says("started without a token", "main")
    b.find(".dead tbody .link")
    changing = ("Requeue", "Delete", "Pause")

    def nothing_to_press():
        buttons = [button for button in b.all("main button") if button.shown and button.label.split(" ")[0] in changing]
        assert len(buttons) == 6 and not any(button.enabled for button in buttons), [button.label for button in buttons]
        return True
    until("nothing to be pressed", nothing_to_press)


@expecting("ERR_CONNECTION_REFUSED", "ERR_EMPTY_RESPONSE", "ERR_CONNECTION_RESET", "503")
def a_line_that_breaks_is_told_and_taken_up_again(s):
    served = s.serve()
    s.add("orders", do="done")
    s.open(served)
    b = s.browser
    b.button("orders")
    b.says("live", "#link")
    served.stop()
    b.says("There is no answer from the server", "#banners")
    b.says("reconnecting", "#link")
    b.says("orders", "table.queues")  # what was known stays
    again = s.serve(port=served.port)
    b.says("live", "#link")
    until("the banner to go", lambda: b.text("#banners") == "")
    s.add("letters", do="done")
    b.button("letters")

    # the server is there, and Redis is not
    s.redis.process.send_signal(19)  # SIGSTOP
    try:
        b.says("trouble", "#link")
    finally:
        s.redis.process.send_signal(18)  # SIGCONT
    b.says("live", "#link")
    assert again.process.poll() is None


if __name__ == "__main__":
    scene.run([
        the_list_moves, a_thousand_queues_are_at_hand, names_may_be_anything, times_are_drawn, the_token_is_asked_for,
        without_a_token_there_is_nothing_to_press, a_line_that_breaks_is_told_and_taken_up_again,
    ])
