#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: people.py WORKER: with the keyboard alone, for screen readers, on a phone, in the dark."""
import scene
from webdriver import until

# The contrast of all text that is shown with what is behind it, by WCAG's formula: what is below 4.5.
CONTRAST = """
const channel = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
const light = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
const parse = text => (text.match(/[\\d.]+/g) || []).map(Number);
const behind = e => {
    for (; e; e = e.parentElement) {
        const c = parse(getComputedStyle(e).backgroundColor);
        if (c.length === 3 || c[3] === 1)
            return c;
    }
    return [255, 255, 255];
};
const bad = [];
for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!own || !e.checkVisibility({visibilityProperty: true}) || e.disabled || e.closest('svg, .unseen, noscript'))
        continue;
    const a = light(parse(getComputedStyle(e).color)), b = light(behind(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5)
        bad.push(`${ratio.toFixed(2)} ${e.tagName} ${e.className} ${e.textContent.slice(0, 40)}`);
}
return bad;
"""


def busy(s):
    """Something of everything."""
    worker = s.start("--stream", "orders")
    s.add("orders", do="reject", name="bad")
    until("it to be dead", lambda: s.dead("orders") == 1)
    s.bury("orders", 4)
    s.add("letters", do="done")
    s.redis("SET", "{invoices}:paused", s.seconds_ago(60))
    s.add("invoices", do="done")
    worker.ask("POST", "api/queues/orders/jobs", {"id": "later", "delay_ms": 3600000, "fields": {"do": "done"}})
    return worker


PLACES = ["", "q/orders", "q/letters", "q/invoices", "q/orders/running", "q/orders/delayed", "q/orders/dead"]


def each_place(s, look):
    b = s.browser
    for place in PLACES:
        s.place(place)
        b.find("main h1")
        b.find(".why .finding" if place else "table.queues tbody tr")
        look(place)


def it_can_be_read_in_light_and_dark(s):
    s.open(busy(s))
    b = s.browser
    grounds = set()
    for scheme in ("light", "dark"):
        b.scheme(scheme)
        each_place(s, lambda place: expect_nothing(f"{scheme} {place}", b.js(CONTRAST)))
        grounds.add(b.js("return getComputedStyle(document.body).backgroundColor"))
    assert len(grounds) == 2, grounds


def expect_nothing(where, bad):
    assert not bad, f"{where}: {bad}"


def it_fits_a_phone(s):
    s.open(busy(s))
    b = s.browser
    b.resize(360, 740, phone=True)

    def fits(place):
        assert b.js("return document.documentElement.scrollWidth") <= 360, place
        small = b.js("""return [...document.querySelectorAll('main button, main .queue')]
            .filter(e => e.checkVisibility() && !e.closest('thead'))
            .map(e => [e.innerText, e.getBoundingClientRect().height]).filter(([, height]) => height < 24)""")
        assert not small, f"{place}: {small}"
    each_place(s, fits)
    b.find(".dead tbody .link").click()
    assert b.js("return document.getElementById('show').getBoundingClientRect().right") <= 360


# In one go, and again where the page is made anew meanwhile.

def the_list_is_described(b):
    table = b.find("table.queues")
    assert (table.role, table.label) == ("table", "Queues")
    assert b.find("table.queues tbody tr").role == "row"
    assert b.find("table.queues tbody th").role == "rowheader"
    assert {cell.role for cell in b.all("table.queues tbody tr:first-child td")} == {"cell"}
    heads = b.all("table.queues thead th")
    assert len(heads) == 9 and {head.role for head in heads} == {"columnheader"}
    return True


def the_letters_are_described(b):
    assert b.find(".dead tbody input").label.startswith("Select ")
    assert b.find(".dead .acts button").label.startswith("Requeue ")
    assert b.find("main h1").role == "heading"
    return True


def it_tells_screen_readers_what_is_what(s):
    s.open(busy(s))
    b = s.browser
    for width in (1280, 360):
        b.resize(width, 800)
        s.place("")
        until("the list to be described", the_list_is_described, b)
        s.place("q/orders/dead")
        until("the letters to be described", the_letters_are_described, b)
    s.place("q/orders")

    def the_plot_is_described():
        drawing = b.find(".plot svg")
        return drawing.role in ("image", "img") and drawing.label.startswith("Throughput, now: finished ")
    until("the plot to be described", the_plot_is_described)
    assert b.find("main").role == "main"
    assert b.js("return document.getElementById('status').getAttribute('aria-live')") == "polite"
    assert b.js("return document.documentElement.lang") == "en"
    b.find("#pause").click()
    b.says("orders is paused", "#status")


def the_keyboard_is_enough(s):
    s.open(busy(s))
    b = s.browser
    b.find("table.queues tbody tr")

    def tab_to(label, key="Tab"):
        for _ in range(60):
            b.press(key)
            if until("something with the focus", lambda: (b.focused().label,))[0] == label:
                return
        raise AssertionError(f"the focus never came to {label}")
    b.press("/")
    until("the filter to have the focus", lambda: b.focused().label == "Filter queues by name")
    tab_to("orders")
    b.press("Enter")
    until("the page", lambda: b.text("main h1") == "orders")
    until("the heading to have the focus", lambda: b.focused().role == "heading")
    b.button("Dead 5")
    tab_to("Dead 5")
    b.press("Enter")
    b.find(".dead tbody tr")
    tab_to("Select all on this page")
    b.press("Space")
    b.says("5 selected", ".tools")
    tab_to("Delete", "Shift+Tab")
    b.press("Enter")
    question = b.find("#ask")
    assert (question.role, question.label) == ("dialog", "Delete 5 jobs for good?")
    until("Cancel to have the focus", lambda: b.focused().label == "Cancel")
    for _ in range(4):  # the focus stays within
        b.press("Tab")
        assert b.js("const e = document.activeElement; return e === document.body || e.closest('#ask') !== null")
    b.press("Escape")
    until("the question to go", lambda: b.look("#ask") is None)
    until("the focus to be where it was", lambda: b.focused().label == "Delete")
    assert s.dead("orders") == 5
    b.press("Enter")
    b.find("#ask")
    tab_to("Delete")
    b.press("Enter")
    until("them to be gone", lambda: s.dead("orders") == 0)


def the_focus_stays_where_it_is(s):
    worker = s.start("--stream", "orders")
    s.add("orders", do="done", name="x")
    s.add("letters", do="done")
    s.open(worker)
    b = s.browser
    b.find("table.queues tbody tr")
    b.js("[...document.querySelectorAll('.queue')].find(e => e.innerText === 'orders').focus()")
    row = b.js("return document.activeElement.closest('tr').innerText")

    def changed():
        s.add("orders", do="done", name="x")
        s.add("a-new-one", do="done")  # comes before it
        return b.js("return document.activeElement.closest('tr').innerText") != row
    until("the list to have been made anew", changed)
    b.says("a-new-one", "table.queues")
    until("the focus to stay", lambda: b.focused().label == "orders")


if __name__ == "__main__":
    scene.run([
        it_can_be_read_in_light_and_dark, it_fits_a_phone, it_tells_screen_readers_what_is_what, the_keyboard_is_enough,
        the_focus_stays_where_it_is,
    ])
