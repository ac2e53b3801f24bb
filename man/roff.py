# SPDX-License-Identifier: MIT
"""Manual pages in the man(7) macros that groff and mandoc both understand."""

import os
import re
import time


def escape(text, code=False):
    """Text as roff shows it. In code, and in options, a hyphen is a minus that can be copied."""
    text = text.replace("\\", "\\e")
    text = text.replace("-", "\\-") if code else re.sub(r"(?<![\w])-|(?<=-)-", r"\\-", text)
    text = text.replace("'", "\\(aq").replace("`", "\\(ga").replace("^", "\\(ha").replace("~", "\\(ti")
    text = "".join(c if ord(c) < 128 else f"\\[u{ord(c):04X}]" for c in text)
    return "\\&" + text if text.startswith(".") else text


def date():
    return time.strftime("%Y-%m-%d", time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))))


class Page:
    def __init__(self, name, section, version):
        self.lines = [f'.TH {name.upper()} {section} {date()} "weir {version}" "weir"', ".nh"]

    def section(self, title):
        self.lines.append(f".SH {title}")

    def subsection(self, title):
        self.lines.append(f'.SS "{escape(title, code=True)}"')

    def paragraph(self, text):
        """Not where it would stand directly behind a heading, which makes the space itself."""
        if not self.lines[-1].startswith((".SH", ".SS", ".TP")):
            self.lines.append(".PP")
        self.text(text)

    def text(self, text):
        self.lines.append(escape(" ".join(text.split())))

    def raw(self, line):
        self.lines.append(line)

    def code(self, lines, indent=0):
        if indent:
            self.lines += [f".RS {indent}", ".PP"]
        elif not self.lines[-1].startswith((".SH", ".SS")):
            self.lines.append(".PP")
        self.lines.append(".EX")
        self.lines += [escape(line, code=True) for line in lines]
        self.lines.append(".EE")
        if indent:
            self.lines.append(".RE")

    def item(self, term, text):
        """A term in bold, roff already, and what it means."""
        self.lines += [".TP", term]
        self.text(text)

    def write(self, path):
        with open(path, "w", encoding="ascii") as file:
            file.write("\n".join(self.lines) + "\n")


def bold(text):
    return "\\fB" + escape(text, code=True) + "\\fR"


def italic(text):
    return "\\fI" + escape(text, code=True) + "\\fR"
