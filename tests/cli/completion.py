#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Completion, in a real bash: Tab is pressed, and the line is looked at."""

import os
import shutil
import subprocess

import harness
from terminal import Terminal

SCRIPT = os.path.join(harness.ROOT, "cli", "weir.bash")
PROMPT = "ready> "


class Completion(harness.Case):
    def setUp(self):
        super().setUp()
        for name in ("emails", "emails:de", "emails:en", "reports", "with a space", "a=b", b"evil\nname"):
            self.redis("XADD", name, "*", "n", 1)

    def environment(self, **more):
        path = os.path.dirname(harness.WEIR) + ":" + os.environ["PATH"]
        return harness.environment(
            **{"PATH": path, "WEIR_URL": self.redis.url, "PS1": PROMPT, "HISTFILE": "/dev/null", "TERM": "dumb", **more}
        )

    def bash(self, **more):
        terminal = Terminal(
            [shutil.which("bash"), "--norc", "--noprofile", "-i"], self.environment(**more), columns=200
        )
        terminal.wait_for(PROMPT)
        terminal.send(f"bind 'set enable-bracketed-paste off'; bind 'set bell-style none'; source {SCRIPT}\n")
        terminal.wait_for(PROMPT)
        return terminal

    def complete(self, line, expected):
        """Types the line and Tab; what stands there then is asked of echo."""
        with self.bash() as terminal:
            terminal.send(line + "\t")
            terminal.wait_for(expected)

    def candidates(self, line, *bash_options, **more):
        """What the function offers for the last word of the line, split into words as bash does."""
        script = f"""
            source {SCRIPT}
            {' '.join(bash_options)}
            COMP_LINE=$1 COMP_POINT=${{#1}}
            shift
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
            _weir
            printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        words = self.split(line)
        result = subprocess.run(
            ["bash", "-c", script, "bash", line, *words],
            capture_output=True,
            text=True,
            check=True,
            env=self.environment(**more),
        )
        self.assertEqual(result.stderr, "")
        return [line for line in result.stdout.splitlines() if line]

    def split(self, line):
        words = []
        for word in line.split(" "):
            for part in word.replace(":", "\0:\0").replace("=", "\0=\0").split("\0"):
                if part or not word:
                    words.append(part)
        return words

    def test_tab_in_a_shell(self):
        self.complete("weir sta", "ts ")
        self.complete("weir dead rep", "orts ")
        self.complete("weir dead reports sh", "ow ")
        self.complete("weir stats emails:d", "e ")  # bash splits at the colon
        self.complete("weir stats wit", "h\\ a\\ space ")
        self.complete("weir ls --tro", "uble ")
        self.complete("weir dead reports --reason cra", "shed ")
        self.complete("weir stats a=", "stats a=b ")  # and at the equals sign
        self.complete("weir stats 'wit", "h a space' ")  # within quotes nothing is quoted once more
        self.complete('weir stats "emails:d', '"emails:de" ')
        self.complete("weir dead reports --reason='pay", "='payload lost' ")

    def test_what_is_offered(self):
        self.assertIn("stats", self.candidates("weir "))
        self.assertEqual(self.candidates("weir re"), ["resume", "reap"])
        self.assertEqual(
            self.candidates("weir stats "), [r"a=b", r"emails", r"emails:de", r"emails:en", r"reports", r"with\ a\ space"]
        )
        self.assertEqual(self.candidates("weir stats emails:"), ["de", "en"])
        self.assertEqual(self.candidates("weir stats reports "), [])
        self.assertEqual(self.candidates("weir pause reports em"), ["emails", "emails:de", "emails:en"])
        self.assertEqual(self.candidates("weir enqueue rep"), ["reports"])
        self.assertEqual(self.candidates("weir enqueue reports "), [])
        self.assertEqual(self.candidates("weir dead reports "), ["ls", "show", "requeue", "purge"])
        self.assertEqual(self.candidates("weir dead reports purge "), [])
        self.assertEqual(self.candidates("weir delayed --json reports r"), ["run", "rm"])
        self.assertEqual(self.candidates("weir dead reports purge --y"), ["--yes"])
        self.assertEqual(self.candidates("weir dead reports ls --y"), [])
        self.assertEqual(
            self.candidates("weir --t"), ["--timeout", "--tls-ca", "--tls-cert", "--tls-key", "--tls-server-name"]
        )
        self.assertEqual(self.candidates("weir dead reports --reason=pay"), [r"payload\ lost"])
        self.assertEqual(self.candidates("weir dead reports --count "), [])
        self.assertIn("ash", " ".join(self.candidates(f"weir ls --url-file {shutil.which('bash')[:-2]}")))

    def test_the_url_of_the_line_is_asked(self):
        url = self.redis.url
        self.assertEqual(self.candidates(f"weir stats --url {url} rep", WEIR_URL="unix:///nonexistent/x"), ["reports"])
        self.assertEqual(self.candidates(f"weir stats --url={url} rep", WEIR_URL="unix:///nonexistent/x"), ["reports"])

    def test_nobody_there_is_no_message(self):
        self.assertEqual(self.candidates("weir stats ", WEIR_URL="unix:///nonexistent/x"), [])
        self.assertEqual(self.candidates("weir stats ", WEIR_URL="http://x"), [])

    def test_the_script_is_sound(self):
        if shutil.which("shellcheck"):
            subprocess.run(["shellcheck", SCRIPT], check=True)


if __name__ == "__main__":
    harness.main()
