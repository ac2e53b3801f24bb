#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""weir(1), from what the command says of itself.

command.py WEIR VERSION OUTPUT       WEIR: the program, which is run
"""

import json
import re
import subprocess
import sys

from roff import Page, bold, escape, italic


def options(page, rows):
    for row in rows:
        term = bold(row["name"]) + (" " + italic(row["value"]) if row["value"] else "")
        page.item(term, row["help"][0].upper() + row["help"][1:] + ".")


def synopsis(name, text):
    """Names of things are in italics, as in "STREAM show ID…"."""
    words = re.split(r"([A-Z]{2,}|=VALUE)", text)
    return (
        bold("weir " + name)
        + " "
        + "".join(italic(word) if i % 2 else escape(word, code=True) for i, word in enumerate(words))
    )


def write_command(page, command, rows):
    page.subsection(f"weir {command['name']}")
    for i, use in enumerate(command["uses"]):
        if i:
            page.raw(".br")
        page.raw(synopsis(command["name"], use["synopsis"]))
    summary = command["summary"]
    page.paragraph(summary[0].upper() + summary[1:] + ".")
    for paragraph in command["details"].split("\n\n"):
        page.paragraph(paragraph)
    for use in command["uses"]:
        if use["summary"]:
            page.item(bold(use["verb"]), use["summary"][0].upper() + use["summary"][1:] + ".")
    options(page, [row for row in rows if row["uses"] & command["mask"] and not row["of_all"]])
    page.raw(".PP")
    page.raw("Examples:")
    for example in command["examples"]:
        page.code([example["line"]], indent=4)
        page.raw(".RS 8")
        page.text(example["text"][0].upper() + example["text"][1:] + ".")
        page.raw(".RE")


def main(program, version, output):
    told = json.loads(subprocess.run([program, "__describe"], check=True, stdout=subprocess.PIPE).stdout)
    page = Page("weir", 1, version)
    page.section("NAME")
    page.raw("weir \\- look at queues of jobs on Redis, and do what is to be done about them")
    page.section("SYNOPSIS")
    page.raw(f"{bold('weir')} {italic('SUBCOMMAND')} [{italic('ARGUMENT')}\\[u2026]] [{italic('OPTION')}\\[u2026]]")
    page.section("DESCRIPTION")
    page.paragraph(
        told["summary"] + " Begin with weir ls, which says in a word what is wrong with each queue; weir stats says "
        "more about one, and what to do."
    )
    page.paragraph(
        "Standard output has the answer: a table for people, or, with --json, one JSON object. What went wrong goes "
        "to standard error. Control characters in names and jobs are shown as \\n or \\x1b, and what is not UTF-8 "
        "as \\xff; JSON has them as they are. Options may stand anywhere; what follows -- is no option."
    )
    page.section("SUBCOMMANDS")
    for command in told["commands"]:
        write_command(page, command, told["options"])
    page.section("OPTIONS")
    page.raw("Those of all subcommands:")
    options(page, [row for row in told["options"] if row["of_all"]])
    page.section("JSON")
    page.paragraph(
        "With --json each subcommand prints one object; stats --watch and top print one a line. Lists are called items. Their "
        "members are in docs/command-line.schema.json, a JSON Schema; more may be added. Bytes that are not UTF-8 "
        'stand as {"base64": "…"} in place of a text. Numbers and times that are not known are null. Times are '
        "milliseconds, since the epoch or as spans."
    )
    page.section("EXIT STATUS")
    for row in told["exits"]:
        page.item(bold(str(row["code"])), row["text"][0].upper() + row["text"][1:] + ".")
    page.section("ENVIRONMENT")
    for row in told["environment"]:
        page.item(bold(row["name"]), row["text"][0].upper() + row["text"][1:] + ".")
    page.section("SECURITY")
    page.paragraph(
        "Others on this machine can see the command line of a process: weir hides the URL there, but for the moment "
        "of its start. Put a URL with a password into WEIR_URL, or into a file that only you can read, and name "
        "that with --url-file. No password is ever printed."
    )
    page.section('"SEE ALSO"')
    page.raw(".BR weir (3),\n.BR redis\\-cli (1)")
    page.write(output)


if __name__ == "__main__":
    main(*sys.argv[1:])
