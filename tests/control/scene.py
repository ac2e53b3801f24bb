# SPDX-License-Identifier: MIT
"""What the tests of the control plane start from: a private redis-server, a worker with the control plane inside, and
requests to it."""

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import unittest
from urllib.parse import urlsplit

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../examples'))
from private_redis import PASSWORD, TIMEOUT_SCALE, PrivateRedis, wait_for  # noqa: E402

TOKEN = 'a-token-of-the-tests'
TIMEOUT_S = 30 * TIMEOUT_SCALE
WORKER = None  # the program: set by main()


def is_sanitized():
    """Whether the program's memory is not what it would be elsewhere."""
    with open(WORKER, 'rb') as file:
        text = file.read()
    return b'__asan_init' in text or b'__tsan_init' in text


class SlowRedis:
    """Between a worker and its Redis: once `hold` was called, each piece of an answer waits until it is let through."""

    def __init__(self, redis):
        self.directory, self.path = redis.directory, redis.path
        self.url = redis.url + '.slow'
        self.permits, self.n_connections = None, 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path + '.slow')
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, far = self.listener.accept()[0], socket.socket(socket.AF_UNIX)
                far.connect(self.path)
            except OSError:
                return
            self.n_connections += 1
            threading.Thread(target=self.pump, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self.pump, args=(far, near, True), daemon=True).start()

    def pump(self, source, sink, answers):
        try:
            while piece := source.recv(65536):
                if answers and self.permits:
                    self.permits.acquire()
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        source.close()

    def hold(self):
        self.permits = threading.Semaphore(0)

    def let_through(self, n):
        self.permits.release(n)

    def close(self):
        if self.permits:
            self.let_through(1 << 20)
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Answer:
    def __init__(self, response):
        self.code = response.status
        self.headers = response.headers
        self.body = response.read()

    def __repr__(self):
        return f'{self.code} {self.body[:300]!r}'

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        """The code of an error of the API."""
        return self.json['error']['code']


class Worker:
    """A process with the control plane; with Worker(redis, '--queue', 'jobs') as worker: worker.get('/health')"""

    def __init__(self, redis, *arguments, token=TOKEN, stderr=None):
        self.redis, self.token, self.stderr = redis, token, stderr
        self.command = [WORKER, redis.url, *(['--token', token] if token else []), *arguments]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.stderr, text=True)
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            raise RuntimeError('the worker did not start')
        parts = urlsplit(self.url)
        self.address = (parts.hostname, parts.port)
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait(TIMEOUT_S)
        self.process.stdout.close()
        if self.process.returncode != 0:
            raise RuntimeError(f'the worker ended with {self.process.returncode}')

    def tell(self, line):
        self.process.stdin.write(line + '\n')
        self.process.stdin.flush()

    def connect(self):
        return socket.create_connection(self.address, TIMEOUT_S)

    def request(self, method, path, body=None, headers=None, token=True, timeout=TIMEOUT_S):
        connection = http.client.HTTPConnection(*self.address, timeout=timeout)
        sent = {}
        if token and self.token:
            sent['Authorization'] = 'Bearer ' + self.token
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if body is not None:
            sent['Content-Type'] = 'application/json'
        sent.update(headers or {})
        try:
            connection.request(method, path, body=body, headers={k: v for k, v in sent.items() if v is not None})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, **more):
        return self.request('GET', path, **more)

    def post(self, path, body=None, **more):
        return self.request('POST', path, {} if body is None else body, **more)

    def delete(self, path, **more):
        return self.request('DELETE', path, **more)


class Case(unittest.TestCase):
    def setUp(self):
        self.redis = PrivateRedis()
        self.redis.__enter__()
        self.addCleanup(self.redis.__exit__, None, None, None)
        self.maxDiff = None

    def start(self, *arguments, redis=None, **more):
        worker = Worker(redis or self.redis, *arguments, **more)
        worker.__enter__()
        self.addCleanup(worker.__exit__)
        return worker

    def wait(self, condition):
        """Until it is true: what it is then."""
        return wait_for(condition, self.id())


def main():
    global WORKER
    WORKER = sys.argv.pop(1)
    unittest.main(module='__main__', argv=[sys.argv[0]] + (sys.argv[1:] or ['-v']))
