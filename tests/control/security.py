#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Who may do what, what gets through, and what doesn't: tokens, other sites, headers, what isn't HTTP."""

import os
import re
import subprocess

import scene
from scene import Case

READS = ('/metrics', '/api/server', '/api/queues', '/api/queues/a', '/api/queues/a/pending', '/api/queues/a/delayed',
         '/api/queues/a/dead', '/api/queues/a/dead/1-1', '/api/queues/a/jobs/1-1')
WRITES = (('POST', '/api/queues/a/pause'), ('POST', '/api/queues/a/resume'), ('POST', '/api/queues/a/jobs'),
          ('POST', '/api/queues/a/delayed/x/run'), ('DELETE', '/api/queues/a/delayed/x'), ('DELETE', '/api/queues/a/dead/1-1'),
          ('POST', '/api/queues/a/dead/1-1/requeue'), ('POST', '/api/queues/a/dead/requeue'), ('POST', '/api/queues/a/dead/delete'))


class Tokens(Case):
    def test_every_route_of_the_program_is_here(self):
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../lib/control/routes.c'), encoding='utf-8') as file:
            routes = re.findall(r'\{"(\w+)", (QUEUE )?"([^"]*)"|\{"(\w+)", QUEUE, ', file.read())
        self.assertEqual(len(routes), len(READS) + len(WRITES) + 2)

    def test_with_a_token_nothing_goes_without_it(self):
        worker = self.start()
        wrong = scene.TOKEN[:-1] + 'X'
        for method, path in [('GET', path) for path in READS] + list(WRITES) + [('GET', '/api/nothing')]:
            body = {} if method == 'POST' else None
            for authorization in (None, '', 'Bearer', 'Bearer ', f'Bearer {wrong}', f'Bearer {scene.TOKEN}x', f'Basic {scene.TOKEN}',
                                  f'Bearer {scene.TOKEN[:-1]}', f'Bearer x{scene.TOKEN}', f'Bearer {scene.TOKEN * 2}', scene.TOKEN):
                answer = worker.request(method, path, body, headers={'Authorization': authorization}, token=False)
                self.assertEqual((answer.code, answer.error, answer.headers['WWW-Authenticate']),
                                 (401, 'unauthorized', 'Bearer'), (method, path, authorization))
        for path in ('/health', '/', '/ready'):
            self.assertEqual(worker.get(path, token=False).code, 200)
        self.assertEqual(worker.get('/api/queues', headers={'Authorization': f'bearer  {scene.TOKEN} '}, token=False).code, 200)
        self.assertEqual(self.redis('DBSIZE'), 0)

    def test_without_a_token_nothing_is_changed(self):
        worker = self.start(token=None)
        self.redis('XGROUP', 'CREATE', 'a', 'g', '0', 'MKSTREAM')
        self.redis('XADD', '{a}:dead', '1-1', 'n', '1')
        self.redis('XADD', 'a', '1-1', 'n', '1')
        for path in READS:
            self.assertEqual(worker.get(path).code, 200, path)
        for method, path in WRITES:
            for headers in ({}, {'Authorization': f'Bearer {scene.TOKEN}'}, {'Authorization': 'Bearer '}):
                answer = worker.request(method, path, {} if method == 'POST' else None, headers=headers)
                self.assertEqual((answer.code, answer.error), (403, 'no_token'), (method, path))
        self.assertEqual(self.redis('DBSIZE'), 2)

    def test_an_address_that_others_reach_needs_a_token(self):
        for arguments, words in ((['--address', '0.0.0.0'], 'set a token'), (['--address', '::'], 'set a token'),
                                 (['--address', 'localhost'], 'no literal address'), (['--token', 'short'], 'token must be'),
                                 (['--token', 'with a blank in it'], 'token must be'), (['--token', 'x' * 257], 'token must be'),
                                 (['--connections', '7'], 'max_connections'), (['--threads', '65'], 'threads'),
                                 (['--address', '192.0.2.1', '--token', scene.TOKEN], "can't listen on 192.0.2.1")):
            run = subprocess.run([scene.WORKER, self.redis.url, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                 check=False, timeout=scene.TIMEOUT_S)
            self.assertEqual((run.returncode, words in run.stderr), (1, True), (arguments, run.stderr))
        with_token = self.start('--address', '0.0.0.0')
        with_token.address = ('127.0.0.1', with_token.address[1])
        self.assertEqual(with_token.get('/api/queues').code, 200)
        self.assertEqual(with_token.get('/api/queues', token=False).code, 401)


class OtherSites(Case):
    def test_names_that_other_sites_may_have_taken(self):
        worker = self.start('--host', 'weir.example.org')
        port = worker.address[1]
        for host in ('127.0.0.1', f'127.0.0.1:{port}', 'localhost', f'LOCALHOST:{port}', '[::1]', f'[::1]:{port}', '10.1.2.3',
                     'weir.example.org', f'Weir.Example.ORG:{port}'):
            self.assertEqual(worker.get('/api/queues', headers={'Host': host}).code, 200, host)
        for host in ('evil.example.org', f'evil.example.org:{port}', 'localhost.evil.example.org', 'weir.example.org.evil', '127.0.0.1.evil',
                     'x@localhost', 'localhost:80:80', '[::1', '::1', '[localhost', ':80', '1', '2130706433', 'localhost/'):
            for path in ('/api/queues', '/health', '/'):
                answer = worker.get(path, headers={'Host': host})
                self.assertEqual((answer.code, answer.error), (403, 'host'), (host, path))

    def test_pages_of_other_sites(self):
        worker = self.start()
        own = f'127.0.0.1:{worker.address[1]}'
        for origin in (f'http://{own}', f'HTTPS://{own}'):
            self.assertEqual(worker.post('/api/queues/a/pause', headers={'Origin': origin}).code, 200)
        for origin in ('http://evil.example.org', f'http://evil.example.org:{worker.address[1]}', 'null', '', 'http://127.0.0.1', f'http://{own}.evil',
                       f'http://x@{own}', f'ftp://{own}', own, f'http://{own}/', 'http://127.0.0.1:1'):
            for method, path in (('POST', '/api/queues/a/resume'), ('GET', '/api/queues'), ('DELETE', '/api/queues/a/dead/1-1'),
                                 ('GET', '/metrics'), ('GET', '/')):
                answer = worker.request(method, path, {} if method == 'POST' else None, headers={'Origin': origin})
                self.assertEqual((answer.code, answer.error), (403, 'origin'), (origin, path))
        self.assertEqual(self.redis('EXISTS', '{a}:paused'), 1)

    def test_forms_of_other_sites(self):
        worker = self.start()
        for kind in (None, '', 'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', 'application/jsonp',
                     'text/json', 'application/json+x', 'xapplication/json'):
            answer = worker.post('/api/queues/a/pause', headers={'Content-Type': kind})
            self.assertEqual((answer.code, answer.error), (415, 'media_type'), kind)
        self.assertEqual(self.redis('EXISTS', '{a}:paused'), 0)
        for kind in ('application/json', 'Application/JSON; charset=utf-8', 'application/json ;x'):
            self.assertEqual(worker.post('/api/queues/a/pause', headers={'Content-Type': kind}).code, 200, kind)
        for body in ('{"x": 1}', '[]', '', 'null'):
            self.assertEqual(worker.post('/api/queues/a/resume', body).code, 400, body)

    def test_headers_that_browsers_heed(self):
        worker = self.start()
        for path in ('/', '/health', '/api/queues', '/api/nothing', '/metrics'):
            headers = worker.get(path).headers
            self.assertEqual([headers[name] for name in ('X-Content-Type-Options', 'X-Frame-Options', 'Referrer-Policy')],
                             ['nosniff', 'DENY', 'no-referrer'], path)
            policy = headers['Content-Security-Policy']
            self.assertIn("default-src 'none'", policy)
            self.assertIn("frame-ancestors 'none'", policy)
            self.assertNotIn('unsafe', policy)
            self.assertEqual("script-src 'self'" in policy, path == '/')
            self.assertFalse([name for name in headers if name.lower().startswith('access-control')])
        self.assertEqual(worker.get('/api/queues').headers['Cache-Control'], 'no-store')

    def test_no_secret_is_ever_said(self):
        worker = self.start()
        for path in READS + ('/health', '/ready', '/api/nothing'):
            answer = worker.get(path)
            for text in (answer.body.decode(), str(answer.headers)):
                self.assertNotIn(scene.PASSWORD, text)
                self.assertNotIn(scene.TOKEN, text)


class Limits(Case):
    def test_bodies(self):
        worker = self.start()
        fits = '{"fields": {"a": "' + 'x' * ((1 << 20) - 21) + '"}}'
        self.assertEqual(len(fits), 1 << 20)
        self.assertEqual(worker.post('/api/queues/a/jobs', fits).code, 201)
        answer = worker.post('/api/queues/a/jobs', fits + ' ')
        self.assertEqual((answer.code, answer.error), (413, 'too_large'))
        self.assertEqual(self.redis('XLEN', 'a'), 1)

    def answer_to(self, worker, text):
        """The first line of the answer; '' where there is none; the connection's end is waited for."""
        with worker.connect() as connection:
            try:
                connection.sendall(text)
                connection.shutdown(1)
                answer = b''
                while True:
                    piece = connection.recv(65536)
                    if not piece:
                        break
                    answer += piece
            except (ConnectionResetError, BrokenPipeError):
                pass
        return answer.split(b'\r\n')[0].decode(errors='replace')

    def test_what_is_no_http(self):
        worker = self.start()
        host = b'Host: 127.0.0.1\r\n'
        for text in (b'\r\n\r\n', b'nonsense\r\n\r\n', b'GET\r\n\r\n', b'GET /\r\n\r\n', b'GET / HTTP/9.9\r\n' + host + b'\r\n',
                     b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + b'\0' * 500, b'GET / HTTP/1.1\r\nno colon\r\n\r\n',
                     b'GET / HTTP/1.1\r\n' + host + b'X: ' + b'x' * 20000 + b'\r\n\r\n', b'GET /' + b'x' * 20000 + b' HTTP/1.1\r\n' + host + b'\r\n',
                     b'POST /api/queues/a/pause HTTP/1.1\r\n' + host + b'Content-Length: -1\r\n\r\n',
                     b'POST /api/queues/a/pause HTTP/1.1\r\n' + host + b'Content-Length: 99999999999999999999\r\n\r\n',
                     b'POST /api/queues/a/pause HTTP/1.1\r\n' + host + b'Content-Length: 99999999\r\n\r\n{}',
                     b'POST /api/queues/a/pause HTTP/1.1\r\n' + host + b'Transfer-Encoding: chunked\r\n\r\nzz\r\n',
                     b'POST /api/queues/a/pause HTTP/1.1\r\n' + host + b'Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n',
                     b'BREW / HTTP/1.1\r\n' + host + b'\r\n', b'GET http://evil/ HTTP/1.1\r\n' + host + b'\r\n', b'GET * HTTP/1.1\r\n' + host + b'\r\n',
                     b'GET /api/queues/' + b'%' * 100 + b' HTTP/1.1\r\n' + host + b'\r\n', b'A' * 100000, b''):
            line = self.answer_to(worker, text)
            self.assertRegex(line, r'^(HTTP/1\.[01] (200|4\d\d|501) .*)?$', text[:60])
            self.assertNotIn('200', line if b'evil' not in text else '', text[:60])
        self.assertEqual(worker.get('/health').code, 200)
        self.assertEqual(self.redis('DBSIZE'), 0)

    def test_where_a_body_ends_is_clear_or_the_connection_does(self):
        worker = self.start()
        head = f'Host: localhost\r\nAuthorization: Bearer {scene.TOKEN}\r\nContent-Type: application/json\r\n'
        inner = f'POST /api/queues/smuggled/pause HTTP/1.1\r\n{head}Content-Length: 2\r\n\r\n{{}}'
        for method, more in (('HEAD', f'Content-Length: {len(inner)}\r\n'), ('TRACE', f'Content-Length: {len(inner)}\r\n'),
                             ('CONNECT', f'Content-Length: {len(inner)}\r\n'), ('CONNECT', ''),
                             ('HEAD', 'Transfer-Encoding: chunked\r\n'), ('POST', 'Transfer-Encoding: gzip\r\n'),
                             ('POST', 'Transfer-Encoding: gzip, chunked\r\n'), ('GET', 'Transfer-Encoding: identity\r\n'),
                             ('POST', 'Content-Length: 0\r\nTransfer-Encoding: identity\r\n'),
                             ('GET', f'Content-Length: 0\r\nContent-Length: {len(inner)}\r\n')):
            with worker.connect() as connection:
                connection.sendall(f'{method} /health HTTP/1.1\r\n{head}{more}\r\n{inner}'.encode())
                answer = b''
                while True:
                    piece = connection.recv(65536)
                    if not piece:
                        break
                    answer += piece
            self.assertEqual(answer.count(b'HTTP/1.1 '), 1, (method, more, answer))
        for length in ('2', '0002', '2 '):  # and one that is clear
            self.assertEqual(worker.post('/api/queues/clear/pause', '{}', headers={'Content-Length': length}).code, 200)
        self.assertEqual((self.redis('EXISTS', '{smuggled}:paused'), self.redis('EXISTS', '{clear}:paused')), (0, 1))

    def test_chunked_bodies_and_several_requests_of_one_connection(self):
        worker = self.start()
        head = f'POST /api/queues/a/pause HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer {scene.TOKEN}\r\n'.encode()
        with worker.connect() as connection:
            connection.sendall((head + b'Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n')
                               + b'GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
            answer = b''
            while True:
                piece = connection.recv(65536)
                if not piece:
                    break
                answer += piece
        self.assertEqual(answer.count(b'HTTP/1.1 200 OK'), 2)
        self.assertIn(b'"paused":true', answer)


if __name__ == '__main__':
    scene.main()
