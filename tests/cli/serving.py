#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""weir serve: the address, who may change something, and how it ends. What is served has tests of its own."""

import json
import os
import re
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request

import harness
from harness import WEIR, PrivateRedis

ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/")


class Server:
    """with Server(redis.url, "--new-token") as server: server.get("/health")"""

    def __init__(self, url, *arguments, **more):
        self.process = subprocess.Popen(
            [WEIR, "serve", "--port", "0", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=harness.environment(WEIR_URL=url, **more),
        )
        self.line = self.process.stdout.readline().decode()
        self.url = ADDRESS.search(self.line).group()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def request(self, path, token=None, body=None):
        """The status and the JSON."""
        headers = {"Content-Type": "application/json", **({"Authorization": "Bearer " + token} if token else {})}
        request = urllib.request.Request(self.url + path[1:], headers=headers, data=body)
        try:
            with urllib.request.urlopen(request, timeout=60 * harness.TIMEOUT_SCALE) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text.startswith(b"{") else text
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        output, errors = self.process.communicate(timeout=60 * harness.TIMEOUT_SCALE)
        return self.process.returncode, output, errors.decode()


class Serving(harness.Case):
    def test_without_a_token_it_only_shows(self):
        self.redis("XADD", "jobs", "*", "n", 1)
        with Server(self.redis.url) as server:
            self.assertRegex(server.line, rf"\A{ADDRESS.pattern}\n\Z")
            self.assertIn(b"<html", server.request("/")[1])
            code, queues = server.request("/api/queues")
            self.assertEqual((code, queues["items"][0]["stream"]), (200, "jobs"))
            self.assertEqual(server.request("/api/queues/jobs/pause", body=b"{}")[0], 403)
            code, output, errors = server.end()
        self.assertEqual((code, output), (0, b""))
        self.assertIn("it only shows", errors)

    def test_a_token_that_was_made(self):
        with Server(self.redis.url, "--new-token", "--json") as server:
            told = json.loads(server.line)
            harness.check_shape(told, "serve")
            self.assertTrue(told["token"])
            token = re.fullmatch(ADDRESS.pattern + r"#token=([0-9a-f]{48})", told["url"]).group(1)
            self.assertEqual(server.request("/api/queues")[0], 401)
            self.assertEqual(server.request("/api/queues/jobs/pause", token, b"{}")[0], 200)
            self.assertEqual(self.redis("EXISTS", "{jobs}:paused"), 1)
            self.assertEqual(server.end(signal.SIGINT), (0, b"", ""))

    def test_a_token_of_ones_own_is_not_printed(self):
        token = "a-token-of-our-own"
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
            file.write(token + "\nnot this\n")
            file.flush()
            for arguments, more in ((["--token-file", file.name], {}), ([], {"WEIR_TOKEN": token})):
                with Server(self.redis.url, *arguments, **more) as server:
                    self.assertNotIn(token, server.line)
                    self.assertEqual(server.request("/api/queues", token)[0], 200)
                    self.assertEqual(server.request("/api/queues", "not this")[0], 401)

    def test_a_server_that_is_away_may_come_later(self):
        with PrivateRedis() as redis:
            url = redis.url
        with Server(url) as server:
            self.assertEqual(server.request("/health")[0], 200)
            self.assertEqual(server.request("/ready")[0], 503)

    def test_what_can_not_be(self):
        with Server(self.redis.url) as server:
            port = server.url.split(":")[2].strip("/")
            run = self.weir("serve", "--port", port, code=1)
            self.assertIn(port, run.errors)
        run = self.weir("serve", "--address", "0.0.0.0", "--port", "0", code=2)
        self.assertIn("set a token", run.errors)
        self.weir("serve", "--address", "localhost", code=2)
        self.assertIn("16 to 256", self.weir("serve", "--port", "0", code=2, WEIR_TOKEN="short").errors)


class WithoutControl(harness.Case):
    def test_it_says_what_is_missing(self):
        run = self.weir("serve", code=1)
        self.assertIn("-Dcontrol=enabled", run.errors)


if __name__ == "__main__":
    if "WEIR_TEST_CLI_HAS_CONTROL" in os.environ:
        del WithoutControl
    else:
        del Serving
    harness.main()
