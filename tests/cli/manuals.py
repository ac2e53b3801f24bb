#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The manual pages and docs/command-line.md say what the command and the headers say, and no tool complains about them.

manuals.py FOLDER     where the pages were built
"""

import json
import os
import re
import shutil
import subprocess
import sys
import unittest

import harness

FOLDER = sys.argv.pop(1)
DOCUMENT = os.path.join(harness.ROOT, "docs", "command-line.md")


def described():
    output = subprocess.run([harness.WEIR, "__describe"], check=True, stdout=subprocess.PIPE, env=harness.environment())
    return json.loads(output.stdout)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class Pages(unittest.TestCase):
    def setUp(self):
        self.pages = sorted(name for name in os.listdir(FOLDER) if re.fullmatch(r"weir\w*\.[13]", name))
        self.real = [name for name in self.pages if not read(os.path.join(FOLDER, name)).startswith(".so ")]

    def tool(self, *command, **more):
        if not shutil.which(command[0]):
            if "WEIR_TEST_NO_SKIP" in os.environ:
                self.fail(f"{command[0]} isn't installed")
            self.skipTest(f"{command[0]} isn't installed")
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=FOLDER, **more)

    def test_there_is_one_for_the_command_for_each_header_and_for_each_function(self):
        headers = os.listdir(os.path.join(harness.ROOT, "include", "weir"))
        expected = {"weir.1", "weir.3"} | {f"weir_{name[:-2]}.3" for name in headers if name.endswith(".h")}
        expected -= {"weir_visibility.3", "weir_weir.3"}  # which has nothing for users; which is weir.3
        self.assertLessEqual(expected - set(self.real), {"weir_control.3"})  # which is built where there is libevent
        functions = re.findall(r"^    (weir_\w+);$", read(os.path.join(harness.ROOT, "lib", "weir.map")), re.MULTILINE)
        self.assertGreater(len(functions), 50)
        self.assertEqual([name for name in functions if name + ".3" not in self.pages], [])

    def test_an_alias_leads_to_a_page_that_names_it(self):
        for name in set(self.pages) - set(self.real):
            target = re.fullmatch(r"\.so man3/(\w+\.3)\n", read(os.path.join(FOLDER, name))).group(1)
            self.assertIn(target, self.real)
            self.assertIn(name[:-2].replace("-", "\\-"), read(os.path.join(FOLDER, target)))

    def test_mandoc_has_nothing_to_complain_about(self):
        run = self.tool("mandoc", "-Tlint", "-Wwarning", *self.real)
        self.assertEqual((run.returncode, run.stdout + run.stderr), (0, ""))

    def test_groff_has_nothing_to_complain_about(self):
        for name in self.real:
            run = self.tool("groff", "-man", "-ww", "-z", "-Tutf8", name)
            self.assertEqual((run.returncode, run.stderr), (0, ""), name)

    def test_man_has_nothing_to_complain_about(self):
        for name in self.real:
            run = self.tool("man", "--warnings", "-l", "-Tutf8", "-Z", name, env={**os.environ, "LC_ALL": "C.UTF-8"})
            self.assertEqual((run.returncode, run.stderr), (0, ""), name)

    def shown(self, name):
        run = self.tool("mandoc", "-Tutf8", "-Owidth=200", name)
        return re.sub(r".\x08", "", run.stdout)

    def test_the_page_of_the_command_has_all_there_is(self):
        text = self.shown("weir.1")
        told = described()
        for word in [row["name"] for row in told["options"]] + [
            row["line"] for c in told["commands"] for row in c["examples"]
        ]:
            self.assertIn(word, text)
        for command in told["commands"]:
            for use in command["uses"]:
                self.assertIn(f"weir {command['name']} {use['synopsis']}", text)
        for row in told["exits"]:
            self.assertRegex(text, rf"\n +{row['code']} ")

    def test_what_a_header_says_is_in_its_page(self):
        text = " ".join(self.shown("weir_dead.3").split())
        for words in (
            "weir_status weir_dead_requeue(weir_dead *dead, const char *id, weir_error *err);",
            "Puts a dead job back into its stream, in one atomic step: same job id, for the group it died in",
            '"exhausted" for WEIR_DEAD_EXHAUSTED and so on.',
        ):
            self.assertIn(words, text)


class Document(unittest.TestCase):
    def test_it_has_each_subcommand_option_variable_and_exit_code(self):
        text = read(DOCUMENT)
        told = described()
        for command in told["commands"]:
            self.assertRegex(text, rf"(?m)^### `weir {command['name']}`$")
            section = text.split(f"### `weir {command['name']}`\n")[1].split("\n## ")[0].split("\n### ")[0]
            for row in told["options"]:
                if row["uses"] & command["mask"] and not row["of_all"]:
                    self.assertIn(f"`{row['name']}", section, command["name"])
        for row in told["options"]:
            self.assertIn(f"`{row['name']}", text)
        for row in told["environment"]:
            self.assertIn(f"`{row['name']}`", text)
        for row in told["exits"]:
            self.assertIn(f"| {row['code']} | {row['text']} |", text)

    def test_each_shape_is_named(self):
        text = read(DOCUMENT)
        for command in described()["commands"]:
            if command["name"] != "bench":
                self.assertRegex(text, rf"(?m)^\| `{command['name']}`.* \| `\w+`", command["name"])
        for shape in re.findall(r"(?m)^\| `.*` \| `(\w+)`", text.split("## JSON")[1]):
            self.assertIn(shape, harness.SCHEMA["$defs"])


if __name__ == "__main__":
    harness.main()
