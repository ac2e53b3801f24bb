#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Clients that are slow, or too many, stall neither each other nor the queue; nor does a Redis that is slow."""

import os
import resource
import signal
import socket
import threading

import scene
from scene import Case

CONNECTIONS = 16
REQUEST_S = 9  # less than what the control plane gives a request that nobody else waits for
HEAD = b'POST /api/queues/a/jobs HTTP/1.1\r\nHost: localhost\r\n'


class Slow(Case):
    def open(self, worker, n, text):
        """n connections that have sent a part of a request; those that couldn't be made are left out."""
        connections = []
        for _ in range(n):
            connection = socket.socket()
            connection.setblocking(False)
            connection.connect_ex(worker.address)
            connections.append(connection)
            self.addCleanup(connection.close)
        for connection in connections:
            connection.setblocking(True)
            connection.settimeout(scene.TIMEOUT_S)
            try:
                connection.sendall(text)
            except OSError:
                pass
        return connections

    def test_unfinished_requests_keep_nobody_out(self):
        worker = self.start('--connections', str(CONNECTIONS), '--queue', 'jobs')
        files = self.files(worker)
        for text in (b'', b'GET /hea', HEAD, HEAD + b'Content-Length: 1000\r\n\r\n{'):
            self.open(worker, 3 * CONNECTIONS, text)
            for _ in range(5):
                self.assertEqual(worker.get('/health', timeout=REQUEST_S).code, 200)
                self.assertLess(self.files(worker), files + CONNECTIONS + 8)  # and connections to Redis
            self.redis('XADD', 'jobs', '*', 'do', 'done')
            self.wait(lambda: self.redis('XPENDING', 'jobs', 'workers')[0] == 0)

    def test_a_process_without_a_file_left_waits_in_peace(self):
        with open(os.path.join(self.redis.directory, 'stderr'), 'w+', encoding='utf-8') as words:
            worker = self.start('--connections', '256', stderr=words)
            files = self.files(worker)
            limit = resource.prlimit(worker.process.pid, resource.RLIMIT_NOFILE)
            resource.prlimit(worker.process.pid, resource.RLIMIT_NOFILE, (files + 8, limit[1]))
            self.open(worker, 30, b'')
            for _ in range(5):
                self.assertEqual(worker.get('/health', timeout=REQUEST_S).code, 200)
            resource.prlimit(worker.process.pid, resource.RLIMIT_NOFILE, limit)
            self.assertEqual(worker.get('/api/queues').code, 200)
            words.seek(0)
            self.assertEqual(words.read(), '')

    def test_who_was_cut_off_was_slow(self):
        worker = self.start('--connections', str(CONNECTIONS))
        slow = self.open(worker, CONNECTIONS, b'GET /hea')
        self.assertEqual(worker.get('/health').code, 200)
        ended = self.wait(lambda: sum(self.has_ended(connection) for connection in slow))
        self.assertGreater(ended, 0)

    @staticmethod
    def has_ended(connection):
        connection.setblocking(False)  # one with a timeout would be waited for
        try:
            return connection.recv(1, socket.MSG_PEEK) == b''
        except BlockingIOError:
            return False
        except OSError:
            return True

    def test_who_does_not_take_the_answer_waits_alone(self):
        worker = self.start('--connections', '64')
        for _ in range(200):
            self.redis('XADD', '{mail}:dead', '*', *sum(([f'f{i}', 'x' * 1000] for i in range(20)), []))
        greedy = self.open(worker, 20, f'GET /api/queues/mail/dead?count=1000 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {scene.TOKEN}\r\n\r\n'.encode() * 3)
        for _ in range(20):
            self.assertEqual(worker.get('/health').code, 200)
            self.assertEqual(worker.get('/api/queues/mail').code, 200)
        self.assertTrue(greedy[0].recv(100).startswith(b'HTTP/1.1 200'))

    def test_many_large_requests_have_a_bound_in_memory(self):
        worker = self.start('--connections', '128')
        worker.get('/health')
        before = peak = self.memory(worker)
        body = HEAD + b'Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\n' + b'x' * 999999
        greedy = []
        threads = [threading.Thread(target=lambda: greedy.extend(self.open(worker, 1, body))) for _ in range(60)]
        for thread in threads:
            thread.start()
        # all but 16 MiB of them are cut off; whose request is small is left alone
        while len(greedy) < 60 or sum(self.has_ended(connection) for connection in greedy) < 40:
            self.assertEqual(worker.get('/health').code, 200)
            peak = max(peak, self.memory(worker))
        for thread in threads:
            thread.join()
        if not scene.is_sanitized():
            self.assertLess(peak - before, 24 << 20)

    @staticmethod
    def files(worker):
        return len(os.listdir(f'/proc/{worker.process.pid}/fd'))

    @staticmethod
    def memory(worker):
        with open(f'/proc/{worker.process.pid}/statm', encoding='ascii') as file:
            return int(file.read().split()[1]) * os.sysconf('SC_PAGESIZE')

    def test_a_redis_that_hangs_stalls_no_probe(self):
        worker = self.start('--queue', 'jobs', '--threads', '2', '--timeout', '60000')
        self.wait(lambda: worker.get('/ready').code == 200)
        self.assertEqual(worker.get('/api/queues').code, 200)
        os.kill(self.redis.process.pid, signal.SIGSTOP)
        asks = [threading.Thread(target=lambda: worker.get('/api/queues/jobs')) for _ in range(8)]
        try:
            for ask in asks:
                ask.start()
            for _ in range(20):
                self.assertEqual(worker.get('/health').code, 200)
                self.assertIn(worker.get('/ready').code, (200, 503))
                self.assertEqual(worker.get('/').code, 200)
        finally:
            os.kill(self.redis.process.pid, signal.SIGCONT)
        for ask in asks:
            ask.join()

    def test_a_task_of_many_steps_on_a_slow_redis_is_no_illness(self):
        slow = scene.SlowRedis(self.redis)
        worker = self.start('--threads', '1', '--timeout', '600000', redis=slow)
        self.addCleanup(slow.close)
        ids = [f'{i + 1}-1' for i in range(900)]
        for i in ids:
            self.redis('XADD', '{jobs}:dead', i, 'n', '1')
        self.assertEqual(worker.get('/api/queues/jobs/dead').code, 200)  # and is connected
        answers = []
        slow.hold()
        ask = threading.Thread(target=lambda: answers.append(worker.post('/api/queues/jobs/dead/delete', {'ids': ids})))
        ask.start()

        def stalled_ms():
            return worker.get('/health').json['loops'][0]['since_ms']

        def goes_on():
            slow.let_through(1)
            return stalled_ms() < 1000

        self.wait(lambda: stalled_ms() >= 1000)
        self.wait(goes_on)
        self.assertTrue(ask.is_alive())
        slow.let_through(1 << 20)
        ask.join()
        self.assertEqual(answers[0].json['count'], len(ids))

    def test_metrics_wait_once_for_a_redis_that_hangs(self):
        slow = scene.SlowRedis(self.redis)
        queues = ('one', 'two', 'three', 'four')
        worker = self.start('--threads', '1', '--timeout', '500', '--control-url', slow.url,
                            *sum((['--queue', queue] for queue in queues), []))
        self.addCleanup(slow.close)
        self.wait(lambda: worker.get('/metrics').body.count(b'weir_queue_length{') == len(queues))
        before = slow.n_connections
        slow.hold()
        metrics = worker.get('/metrics').body
        self.assertEqual((metrics.count(b'weir_queue_length{'), metrics.count(b'weir_slots{')), (0, len(queues)))
        self.assertLessEqual(slow.n_connections - before, 1)  # which took the place of the one that didn't answer

    def test_those_who_wait_for_a_list_of_queues_fail_together(self):
        slow = scene.SlowRedis(self.redis)
        slow.hold()
        worker = self.start('--threads', '4', '--timeout', '200', redis=slow)
        self.addCleanup(slow.close)
        before = slow.n_connections
        answers = []
        asks = [threading.Thread(target=lambda: answers.append(worker.get('/api/queues'))) for _ in range(40)]
        for ask in asks:
            ask.start()
        for ask in asks:
            ask.join()
        self.assertEqual({(answer.code, answer.error) for answer in answers}, {(503, 'connection')})
        self.assertLess(slow.n_connections - before, len(asks) / 2)  # who waits has waited in vain, and doesn't try it, too

    def test_connections_are_let_go_of(self):
        worker = self.start('--connections', str(CONNECTIONS))
        for _ in range(3 * CONNECTIONS):
            self.open(worker, 1, b'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n')[0].close()
        self.wait(lambda: self.files(worker) < 40)
        self.assertEqual(worker.get('/health').code, 200)


if __name__ == '__main__':
    scene.main()
