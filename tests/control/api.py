#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every route of the control plane, against a real worker and a real redis-server."""

import base64
import os
import re
import signal
import threading
from urllib.parse import quote

import scene
from scene import Case

MANY = 1050


def of(items, name, value):
    """The one item whose member is that."""
    found = [item for item in items if item[name] == value]
    assert len(found) == 1, (name, value, items)
    return found[0]


def by_pages(worker, path, most):
    """What is listed, a page of two after the other, at most that many pages."""
    items, after = [], ''
    for _ in range(most):
        page = worker.get(f'{path}?count=2&after={quote(after, safe="")}').json
        items, after = items + page['items'], page['next']
        if after is None:
            return items
    raise AssertionError(f'{path} has no end')


class Probes(Case):
    def test_health_ready_and_metrics_of_a_worker(self):
        worker = self.start('--queue', 'jobs')
        self.wait(lambda: worker.get('/ready').code == 200)
        self.assertEqual(worker.get('/ready', token=False).json, {'status': 'ready', 'reason': None})
        health = worker.get('/health', token=False)
        self.assertEqual((health.code, health.json['status']), (200, 'ok'))
        self.assertEqual([loop['name'] for loop in health.json['loops']], ['control plane', 'jobs/workers'])
        self.redis('XADD', 'jobs', '*', 'do', 'done')
        self.wait(lambda: b'weir_jobs_processed_total{queue="jobs",group="workers",outcome="done"} 1\n'
                  in worker.get('/metrics').body)
        metrics = worker.get('/metrics')
        self.assertEqual(metrics.headers['Content-Type'], 'text/plain; version=0.0.4; charset=utf-8')
        self.assertIn(b'weir_queue_consumers{queue="jobs",group="workers",state="alive"} 1\n', metrics.body)
        self.redis('XADD', 'other', '*', 'n', '1')
        self.assertNotIn(b'"other"', worker.get('/metrics').body)

    def test_without_queues_all_queues_are_in_the_metrics(self):
        worker = self.start()
        self.redis('XADD', 'one', '*', 'n', '1')
        self.redis('XADD', 'two', '*', 'n', '1')
        self.assertEqual(worker.get('/ready').code, 200)
        metrics = worker.get('/metrics').body
        self.assertIn(b'weir_queue_length{queue="one"} 1\n', metrics)
        self.assertIn(b'weir_queue_length{queue="two"} 1\n', metrics)
        self.assertNotIn(b'weir_jobs_', metrics)

    def test_a_redis_that_is_away_is_no_illness(self):
        worker, alone = self.start('--queue', 'jobs'), self.start()
        self.wait(lambda: worker.get('/ready').code == 200)
        self.redis.process.kill()
        self.redis.process.wait()
        self.wait(lambda: worker.get('/ready').code == 503)
        self.assertEqual(worker.get('/health').code, 200)
        self.assertEqual(worker.get('/ready').json['status'], 'not_ready')
        self.assertIn('not connected', worker.get('/ready').json['reason'])
        self.assertEqual(alone.get('/ready').code, 503)
        # the claimer finds out at its next tick
        self.wait(lambda: b'weir_connections{queue="jobs",group="workers"} 0\n' in worker.get('/metrics').body)
        metrics = alone.get('/metrics')  # of which there is none: nothing said would be taken for all being well
        self.assertEqual((metrics.code, metrics.error), (503, 'connection'))
        queues = worker.get('/api/queues')
        self.assertEqual((queues.code, queues.error, queues.headers['Retry-After']), (503, 'connection', '1'))
        for path in ('/api/queues/jobs', '/api/queues/jobs/dead', '/api/queues/jobs/delayed',
                     '/api/queues/jobs/pending', '/api/queues/jobs/jobs/1-1', '/api/queues/jobs/dead/1-1'):
            answer = worker.get(path)
            self.assertEqual((answer.code, answer.error), (503, 'connection'), path)
        server = worker.get('/api/server')
        self.assertEqual((server.code, server.json['redis']), (200, None))
        self.assertTrue(server.json['trouble'])
        self.assertNotIn(scene.PASSWORD, server.body.decode())

    def test_a_hanging_callback_is_an_illness(self):
        # the library's patience is half a minute: only that it is asked can be seen here
        worker = self.start('--queue', 'jobs')
        worker.tell('hang')
        self.assertEqual(worker.get('/health').code, 200)
        worker.tell('open')


class Queues(Case):
    def test_the_server(self):
        worker, reader = self.start('--queue', 'jobs'), self.start(token=None)
        server = worker.get('/api/server').json
        self.assertRegex(server['version'], r'^\d+\.\d+\.\d+$')
        self.assertRegex(server['redis']['version'], r'^\d+\.\d+')
        self.assertGreater(server['redis']['used_memory'], 0)
        self.assertEqual([server[name] for name in ('token', 'write', 'workers', 'trouble')], [True, True, 1, None])
        self.assertIsNone(server['redis']['max_memory'])
        server = reader.get('/api/server').json
        self.assertEqual([server[name] for name in ('token', 'write', 'workers')], [False, False, 0])

    def test_queues_are_listed_by_name_and_by_pages(self):
        names = sorted([f'queue-{i:04}' for i in range(MANY)])
        for name in names:
            self.redis('XGROUP', 'CREATE', name, 'g', '0', 'MKSTREAM')
        self.redis('XADD', '{dying}:dead', '*', 'n', '1')
        self.redis('SET', 'no queue', '1')
        worker = self.start()
        everything = worker.get('/api/queues?count=1000').json
        self.assertEqual((everything['total'], len(everything['items'])), (MANY + 1, 1000))
        rest = worker.get('/api/queues?count=1000&after=' + everything['next']).json
        self.assertIsNone(rest['next'])
        listed = [item['stream'] for item in everything['items'] + rest['items']]
        self.assertEqual(listed, sorted(names + ['dying']))
        self.assertEqual(everything['items'][0]['dead'], 1)
        self.assertFalse(everything['items'][0]['exists'])
        page = worker.get('/api/queues?match=EUE-00&count=7').json
        self.assertEqual((page['total'], len(page['items']), page['next']), (100, 7, 'queue-0006'))
        page = worker.get('/api/queues?match=EUE-00&count=7&after=queue-0095').json
        self.assertEqual(([item['stream'][-2:] for item in page['items']], page['next']), (['96', '97', '98', '99'], None))
        self.assertEqual(worker.get('/api/queues?match=nothing').json['items'], [])
        for query in ('match=' + 'x' * 513, 'after=' + 'x' * 513):
            self.assertEqual(worker.get('/api/queues?' + query).code, 400)

    def test_a_listing_is_kept_for_a_moment(self):
        worker = self.start()
        self.assertEqual(worker.get('/api/queues').json['total'], 0)
        before = self.redis('INFO', 'commandstats')
        scans = int(re.search(rb'cmdstat_scan:calls=(\d+)', before).group(1))
        for _ in range(5):
            self.assertLess(worker.get('/api/queues').json['age_ms'], 60000)
        after = int(re.search(rb'cmdstat_scan:calls=(\d+)', self.redis('INFO', 'commandstats')).group(1))
        self.assertLessEqual(after, scans + 4)
        self.redis('XADD', 'new', '*', 'n', '1')
        self.wait(lambda: worker.get('/api/queues').json['total'] == 1)

    def test_a_queue_in_all_detail(self):
        worker = self.start('--queue', 'jobs')
        for _ in range(6):
            self.redis('XADD', 'jobs', '*', 'do', 'hold')
        self.wait(lambda: of(worker.get('/api/queues/jobs').json['workers'], 'group', 'workers')['gauges']['running'] == 4)
        queue = worker.get('/api/queues/jobs').json
        group = queue['groups'][0]
        self.assertEqual((queue['stream'], queue['path'], queue['exists'], queue['length']), ('jobs', 'jobs', True, 6))
        self.assertEqual((group['name'], group['waiting'] + group['pending']), ('workers', 6))
        self.assertEqual((group['consumers_alive'], group['consumers_idle'], group['most_deliveries']), (1, 0, 1))
        self.assertEqual((queue['paused'], queue['paused_since_ms'], queue['next_due_ms'], queue['error']), (False, None, None, None))
        consumer = queue['consumers'][0]
        self.assertEqual((consumer['name'], consumer['group'], consumer['local'], consumer['alive']), ('here', 'workers', True, True))
        self.assertGreaterEqual(consumer['pending'], 4)
        share = queue['workers'][0]
        self.assertEqual((share['consumer'], share['gauges']['slots'], share['counters']['started']), ('here', 4, 4))
        self.assertEqual(set(share['histograms']), {'wait', 'handler', 'queue_wait'})
        self.assertEqual(share['histograms']['queue_wait']['count'], 4)
        self.assertEqual(sum(n for _, n in share['histograms']['queue_wait']['buckets']), 4)
        worker.tell('open')
        self.wait(lambda: worker.get('/api/queues/jobs').json['groups'][0]['pending'] == 0)

        nothing = worker.get('/api/queues/nothing').json
        self.assertEqual((nothing['exists'], nothing['length'], nothing['groups'], nothing['consumers'], nothing['workers']),
                         (False, 0, [], [], []))

    def test_rates_come_from_two_looks(self):
        worker = self.start('--queue', 'jobs')
        self.assertIsNone(worker.get('/api/queues/jobs').json['rates'])
        for _ in range(20):
            self.redis('XADD', 'jobs', '*', 'do', 'reject')
        rates = self.wait(lambda: worker.get('/api/queues/jobs').json['rates'])
        self.assertGreaterEqual(rates['over_ms'], 1000)
        total = self.wait(lambda: self.redis('XLEN', '{jobs}:dead') == 20)
        self.assertTrue(total)
        self.assertGreaterEqual(rates['added'] * rates['over_ms'] / 1000, 0)
        self.assertEqual(set(rates), {'over_ms', 'added', 'read', 'finished', 'dead'})

    def test_why_a_queue_is_not_moving(self):
        worker = self.start()
        self.redis('XGROUP', 'CREATE', 'stuck', 'g', '0', 'MKSTREAM')
        self.redis('XADD', 'stuck', '*', 'n', '1')
        findings = worker.get('/api/queues/stuck').json['findings']
        self.assertEqual(of(findings, 'name', 'no worker')['severity'], 'warning')
        self.assertEqual(set(findings[0]), {'name', 'severity', 'text', 'fix', 'count'})
        self.assertEqual(worker.get('/api/queues').json['items'][0]['findings'], findings)
        self.redis('CONFIG', 'SET', 'maxmemory', '1')
        self.assertTrue(of(worker.get('/api/server').json['findings'], 'name', 'full')['fix'])
        refused = worker.post('/api/queues/stuck/jobs', {'fields': {'n': '1'}})
        self.assertEqual((refused.code, refused.error), (503, 'full'))

    def test_a_key_of_another_type(self):
        worker = self.start()
        self.redis('XADD', 'good', '*', 'n', '1')
        self.redis('XADD', 'bad', '*', 'n', '1')
        self.redis('SET', '{bad}:delayed', 'x')
        items = worker.get('/api/queues').json['items']
        self.assertEqual(of(items, 'stream', 'bad')['error']['code'], 'server')
        self.assertEqual(of(items, 'stream', 'good')['error'], None)
        self.assertEqual(worker.get('/api/queues/bad').error, 'server')

    def test_pause_and_resume(self):
        worker = self.start('--queue', 'jobs')
        self.assertEqual(worker.post('/api/queues/jobs/pause').json, {'paused': True, 'changed': True})
        self.assertEqual(worker.post('/api/queues/jobs/pause').json, {'paused': True, 'changed': False})
        queue = self.wait(lambda: worker.get('/api/queues/jobs').json)
        self.assertTrue(queue['paused'] and queue['paused_since_ms'] <= queue['now_ms'])
        self.wait(lambda: worker.get('/api/queues/jobs').json['workers'][0]['gauges']['paused'] == 1)
        self.redis('XADD', 'jobs', '*', 'do', 'done')
        self.assertEqual(worker.post('/api/queues/jobs/resume').json, {'paused': False, 'changed': True})
        self.wait(lambda: worker.get('/api/queues/jobs').json['workers'][0]['counters']['done'] == 1)
        self.assertEqual(worker.post('/api/queues/jobs/resume').json, {'paused': False, 'changed': False})

    def test_names_of_any_bytes(self):
        worker = self.start()
        name = b'a/b c\xff?\xf0\x9f\x90\x87%'
        path = '/api/queues/a%2Fb%20c%FF%3F%F0%9F%90%87%25'
        self.redis('XGROUP', 'CREATE', name, b'g\x80', '0', 'MKSTREAM')
        self.redis('XADD', name, '*', 'n', '1')
        self.redis('XREADGROUP', 'GROUP', b'g\x80', b'c\xfe', 'STREAMS', name, '>')
        item = worker.get('/api/queues').json['items'][0]
        self.assertEqual(base64.b64decode(item['stream']['base64']), name)
        self.assertEqual('/api/queues/' + item['path'], path)
        queue = worker.get(path).json
        self.assertEqual((queue['length'], queue['consumers'][0]['path']), (1, 'c%FE'))
        self.assertEqual(base64.b64decode(queue['groups'][0]['name']['base64']), b'g\x80')
        pending = worker.get(path + '/pending?group=g%80&consumer=c%FE').json
        self.assertEqual(base64.b64decode(pending['items'][0]['consumer']['base64']), b'c\xfe')
        self.assertEqual(worker.post(path + '/pause').code, 200)
        self.assertEqual(worker.get('/api/queues?match=%FF').json['total'], 1)

    def test_pages_end_at_names_of_any_bytes(self):
        worker = self.start()
        names = [b'a:1', b'a/2', b'a%2F3', b'a%', b'~+ &=', b'\xc3\xbc', b'\xff', b'plain'] + [b'x' * 511 + bytes([i]) for i in b'\n:z']
        for name in names:
            self.redis('XGROUP', 'CREATE', name, 'g', '0', 'MKSTREAM')
        paths = [item['path'] for item in by_pages(worker, '/api/queues', len(names))]
        self.assertEqual(sorted(paths), sorted(quote(name, safe='') for name in names))
        for name in names + [b'', b'\0', b'\0\0a']:
            self.redis('ZADD', '{mail}:delayed', '5', name)
        delayed = [item['path'] for item in by_pages(worker, '/api/queues/mail/delayed', len(names) + 3)]
        self.assertEqual(sorted(delayed), sorted(paths + ['', '%00', '%00%00a']))


class Jobs(Case):
    def test_enqueueing(self):
        worker = self.start('--queue', 'jobs')
        answer = worker.post('/api/queues/mail/jobs', {'fields': {'to': 'ada@example.org', 'n': 3, 'big': 1.5, 'yes': True}})
        self.assertEqual((answer.code, answer.json['duplicate']), (201, False))
        entry, fields = self.redis('XRANGE', 'mail', '-', '+')[0]
        self.assertEqual(fields, [b'to', b'ada@example.org', b'n', b'3', b'big', b'1.5', b'yes', b'true'])
        self.assertEqual(answer.json['id'], entry.decode())

        worker.post('/api/queues/raw/jobs', {'fields': [{'name': 'a', 'value': {'base64': '/wAB'}}, {'name': 'a', 'value': 'é\0'}]})
        self.assertEqual(self.redis('XRANGE', 'raw', '-', '+')[0][1], [b'a', b'\xff\x00\x01', b'a', 'é\0'.encode()])

        later = {'id': 'mail-17', 'delay_ms': 3600000, 'idempotency_ms': 60000, 'fields': {'n': '1'}}
        self.assertEqual(worker.post('/api/queues/mail/jobs', later).json, {'id': 'mail-17', 'duplicate': False})
        again = worker.post('/api/queues/mail/jobs', later)
        self.assertEqual((again.code, again.json), (200, {'id': 'mail-17', 'duplicate': True}))
        del later['idempotency_ms']
        exists = worker.post('/api/queues/mail/jobs', later)
        self.assertEqual((exists.code, exists.error), (409, 'exists'))

        worker.post('/api/queues/jobs/jobs', {'fields': {'do': 'done'}})
        self.wait(lambda: worker.get('/api/queues/jobs').json['workers'][0]['counters']['done'] == 1)

    def test_jobs_that_make_no_sense(self):
        worker = self.start()
        for body in ({}, [], 'x', {'fields': {}}, {'fields': []}, {'fields': {'a': None}}, {'fields': {'a': {}}},
                     {'fields': {'a': ['b']}}, {'fields': {'a': {'base64': 'x'}}}, {'fields': {'a': {'base64': 'AA=A'}}},
                     {'fields': {'weir.id': 'x'}}, {'fields': {'a': 'b'}, 'more': 1}, {'fields': {'a': 'b'}, 'id': ''},
                     {'fields': {'a': 'b'}, 'id': 'x' * 80}, {'fields': {'a': 'b'}, 'id': 7}, {'fields': {'a': 'b'}, 'id': 'a\0b'},
                     {'fields': {'a': 'b'}, 'delay_ms': -1}, {'fields': {'a': 'b'}, 'delay_ms': 1.5},
                     {'fields': {'a': 'b'}, 'delay_ms': 1, 'run_at_ms': 1}, {'fields': {'a': 'b'}, 'traceparent': 'x'},
                     {'fields': {'a': 'b'}, 'idempotency_ms': 1}, {'fields': [{'name': 'a'}]},
                     {'fields': [{'name': 'a', 'value': 'b', 'c': 1}]}, {'fields': {f'{i}': 'x' for i in range(3501)}}):
            answer = worker.post('/api/queues/mail/jobs', body)
            self.assertEqual((answer.code, answer.error in ('argument', 'bad_request')), (400, True), (body, answer))
        for text in ('', '{', 'nonsense', '{"fields": {"a": "b"}} x', '{"a": 1, "a": 2}', b'\xff', '[' * 100000):
            answer = worker.post('/api/queues/mail/jobs', text)
            self.assertEqual((answer.code, answer.error), (400, 'bad_request'), text[:20])
        self.assertEqual(self.redis('EXISTS', 'mail'), 0)

    def test_one_job(self):
        worker = self.start()
        packed = b'\x93\xa1a\x01\xc0'
        entry = self.redis('XADD', 'mail', '*', 'to', 'ada', 'packed', packed, b'\xfe', b'\xff', 'weir.id', 'mine',
                           'weir.attempts', '2', 'weir.group', 'g')
        job = worker.get('/api/queues/mail/jobs/' + entry.decode()).json
        self.assertEqual((job['entry_id'], job['job_id'], job['group'], job['attempts']), (entry.decode(), 'mine', 'g', 2))
        self.assertEqual(job['fields'][0], {'name': 'to', 'value': 'ada'})
        self.assertEqual(job['fields'][1]['value'], {'base64': base64.b64encode(packed).decode(), 'msgpack': '["a",1,null]',
                                                     'size': 5, 'truncated': False})
        self.assertEqual(job['fields'][2]['name'], {'base64': '/g==', 'msgpack': None, 'size': 1, 'truncated': False})
        self.assertEqual(job['fields_left_out'], 0)
        missing = worker.get('/api/queues/mail/jobs/1-1')
        self.assertEqual((missing.code, missing.error), (404, 'not_found'))
        for wrong in ('x', '1', '1-', '1-1-1', '-1', '123456789012345678901-0'):
            self.assertEqual(worker.get('/api/queues/mail/jobs/' + wrong).code, 400)

    def test_what_is_pending(self):
        worker = self.start('--queue', 'jobs')
        for _ in range(4):
            self.redis('XADD', 'jobs', '*', 'do', 'hold')
        self.wait(lambda: worker.get('/api/queues/jobs').json['workers'][0]['gauges']['running'] == 4)
        page = worker.get('/api/queues/jobs/pending').json
        self.assertEqual(([item['consumer'] for item in page['items']], page['next']), (['here'] * 4, None))
        self.assertTrue(all(item['running_ms'] is not None and item['running_ms'] <= item['age_ms'] + 60000 for item in page['items']))
        self.assertEqual([(item['deliveries'], item['released']) for item in page['items']], [(1, False)] * 4)
        first = worker.get('/api/queues/jobs/pending?count=1').json
        self.assertEqual(first['next'], first['items'][0]['entry_id'])
        rest = worker.get('/api/queues/jobs/pending?count=3&after=' + first['next']).json
        self.assertEqual([first['items'][0]['entry_id']] + [item['entry_id'] for item in rest['items']],
                         [item['entry_id'] for item in page['items']])
        self.redis('XGROUP', 'CREATE', 'jobs', 'second', '0')
        self.redis('XREADGROUP', 'GROUP', 'second', 'there', 'COUNT', '2', 'STREAMS', 'jobs', '>')
        self.assertEqual(worker.get('/api/queues/jobs/pending').code, 400)
        second = worker.get('/api/queues/jobs/pending?group=second').json
        self.assertEqual([(item['consumer'], item['running_ms']) for item in second['items']], [('there', None)] * 2)
        self.assertEqual(worker.get('/api/queues/jobs/pending?group=second&consumer=nobody').json['items'], [])
        for path in ('/api/queues/jobs/pending?group=none', '/api/queues/none/pending'):
            self.assertEqual((worker.get(path).code, worker.get(path).error), (404, 'no_group'))
        worker.tell('open')

    def test_long_values_are_cut_in_lists_and_at_characters(self):
        worker = self.start()
        self.redis('XADD', '{mail}:dead', '*', 'long', 'x' * 1023 + 'é' + 'y' * 5000, 'short', 'x', *sum(([f'f{i}', 'x'] for i in range(200)), []))
        letter = worker.get('/api/queues/mail/dead').json['items'][0]
        value = letter['fields'][0]['value']
        self.assertEqual((value['size'], value['truncated'], value['msgpack']), (6025, True, None))
        self.assertEqual(base64.b64decode(value['base64']), b'x' * 1023)
        self.assertEqual((len(letter['fields']), letter['fields_left_out']), (100, 102))
        whole = worker.get('/api/queues/mail/dead/' + letter['id']).json
        self.assertEqual((len(whole['fields']), whole['fields_left_out'], len(whole['fields'][0]['value'])), (202, 0, 6024))

    def test_a_page_that_would_be_too_long_ends_early(self):
        worker = self.start()
        for _ in range(100):
            self.redis('XADD', '{mail}:dead', '*', *sum(([f'f{i}', 'x' * 1000] for i in range(100)), []))
        seen, after = [], ''
        pages = 0
        while after is not None:
            answer = worker.get('/api/queues/mail/dead?count=1000&after=' + after)
            self.assertLess(len(answer.body), 8 << 20)
            seen += [item['id'] for item in answer.json['items']]
            after, pages = answer.json['next'], pages + 1
        self.assertEqual((len(seen), len(set(seen)), seen), (100, 100, sorted(seen)))
        self.assertGreater(pages, 1)


class Delayed(Case):
    def add(self, worker, name, delay_ms=3600000):
        worker.post('/api/queues/mail/jobs', {'id': name, 'delay_ms': delay_ms, 'fields': {'n': name}})

    def test_they_are_listed_run_and_deleted(self):
        worker = self.start()
        for i in range(25):
            self.add(worker, f'job-{i:02}', 3600000 + i * 1000)
        self.redis('ZADD', '{mail}:delayed', '+inf', b'odd\xff')
        self.redis('HSET', '{mail}:delayed:jobs', b'odd\xff', 'x')
        seen, after = [], ''
        while after is not None:
            page = worker.get(f'/api/queues/mail/delayed?count=10&after={after}').json
            seen += page['items']
            after = page['next']
        self.assertEqual([item['id'] for item in seen[:25]], [f'job-{i:02}' for i in range(25)])
        self.assertEqual((seen[0]['fields'], seen[0]['attempts'], seen[0]['spoilt']), ([{'name': 'n', 'value': 'job-00'}], 0, False))
        self.assertEqual((seen[25]['path'], seen[25]['due_ms'], seen[25]['spoilt']), ('odd%FF', None, True))

        self.assertEqual(worker.post('/api/queues/mail/delayed/job-03/run').json, {'count': 1})
        self.assertEqual(self.redis('XLEN', 'mail'), 1)
        self.assertEqual(worker.post('/api/queues/mail/delayed/job-03/run').error, 'not_found')
        self.assertEqual(worker.delete('/api/queues/mail/delayed/job-04').json, {'count': 1})
        gone = worker.delete('/api/queues/mail/delayed/job-04')
        self.assertEqual((gone.code, gone.error), (404, 'not_found'))
        self.assertEqual(worker.delete('/api/queues/mail/delayed/odd%FF').json, {'count': 1})
        self.assertEqual(self.redis('ZCARD', '{mail}:delayed'), 23)

    def test_a_retry_is_shown_with_its_attempts(self):
        worker = self.start('--queue', 'jobs')
        self.redis('XADD', 'jobs', '*', 'do', 'retry')
        item = self.wait(lambda: worker.get('/api/queues/jobs/delayed').json['items'])[0]
        self.assertEqual((item['attempts'], item['group']), (1, 'workers'))

    def test_positions_that_are_none(self):
        worker = self.start()
        for after in ('x', '1', ':x', '1:%25zz', '1:a%2Fb/c'):
            self.assertEqual(worker.get('/api/queues/mail/delayed?after=' + after).code, 400, after)


class Dead(Case):
    def bury(self, n, **more):
        return [self.redis('XADD', '{mail}:dead', '*', 'n', i, 'weir.reason', 'rejected', 'weir.error', 'no such mailbox',
                           'weir.group', 'g', 'weir.source_id', '5-5', 'weir.attempts', '3').decode() for i in range(n)]

    def test_letters_are_listed_both_ways(self):
        worker = self.start()
        ids = self.bury(25)
        for order, expected in (('oldest', ids), ('newest', ids[::-1])):
            seen, after = [], ''
            while after is not None:
                page = worker.get(f'/api/queues/mail/dead?count=10&order={order}&after={after}').json
                seen += [item['id'] for item in page['items']]
                after = page['next']
                self.assertEqual(page['total'], 25)
            self.assertEqual(seen, expected)
        letter = worker.get('/api/queues/mail/dead/' + ids[3]).json
        self.assertEqual([letter[name] for name in ('reason', 'error', 'attempts', 'group', 'entry_id', 'job_id')],
                         ['rejected', 'no such mailbox', 3, 'g', '5-5', '5-5'])
        self.assertEqual(letter['died_ms'], int(ids[3].split('-')[0]))
        self.assertEqual(letter['fields'], [{'name': 'n', 'value': '3'}])
        self.assertEqual(len(worker.get('/api/queues/mail/dead?after=' + ids[0].split('-')[0] + '&count=1').json['items']), 1)
        self.assertEqual(worker.get('/api/queues/mail/dead/1-1').code, 404)
        self.assertEqual(worker.get('/api/queues/mail/dead?order=best').code, 400)

    def test_one_is_requeued_or_deleted(self):
        worker = self.start()
        ids = self.bury(3)
        self.assertEqual(worker.post(f'/api/queues/mail/dead/{ids[0]}/requeue').json, {'count': 1})
        self.assertEqual(worker.post(f'/api/queues/mail/dead/{ids[0]}/requeue').code, 404)
        self.assertEqual(worker.delete(f'/api/queues/mail/dead/{ids[1]}').json, {'count': 1})
        self.assertEqual(worker.delete(f'/api/queues/mail/dead/{ids[1]}').code, 404)
        self.assertEqual((self.redis('XLEN', 'mail'), self.redis('XLEN', '{mail}:dead')), (1, 1))
        lost = self.redis('XADD', '{mail}:dead', '*', 'weir.reason', 'payload lost').decode()
        answer = worker.post(f'/api/queues/mail/dead/{lost}/requeue')
        self.assertEqual((answer.code, answer.error), (409, 'state'))

    def test_several_are_requeued(self):
        worker = self.start()
        ids = self.bury(5)
        lost = self.redis('XADD', '{mail}:dead', '*', 'weir.reason', 'payload lost').decode()
        answer = worker.post('/api/queues/mail/dead/requeue', {'ids': [ids[0], '1-1', lost, ids[4]]}).json
        self.assertEqual((answer['count'], answer['next']), (2, None))
        self.assertEqual([(one['id'], one['code']) for one in answer['failed']], [('1-1', 'not_found'), (lost, 'state')])
        answer = worker.post('/api/queues/mail/dead/requeue', {'all': True, 'up_to': lost, 'count': 2}).json
        self.assertEqual((answer['count'], answer['failed'], answer['next']), (2, [], ids[2]))
        answer = worker.post('/api/queues/mail/dead/requeue', {'all': True, 'up_to': lost, 'after': answer['next']}).json
        self.assertEqual((answer['count'], [one['code'] for one in answer['failed']], answer['next']), (1, ['state'], None))
        self.assertEqual((self.redis('XLEN', 'mail'), self.redis('XLEN', '{mail}:dead')), (5, 1))

    def test_several_are_deleted_and_no_others(self):
        worker = self.start()
        ids = self.bury(MANY)
        later = self.bury(3)
        after, count = None, 0
        while True:
            body = {'all': True, 'up_to': ids[-1], **({'after': after} if after else {})}
            answer = worker.post('/api/queues/mail/dead/delete', body).json
            count += answer['count']
            after = answer['next']
            if after is None:
                break
        self.assertEqual((count, self.redis('XLEN', '{mail}:dead')), (MANY, 3))
        answer = worker.post('/api/queues/mail/dead/delete', {'ids': later[:2] + ['1-1']}).json
        self.assertEqual((answer['count'], [one['code'] for one in answer['failed']]), (2, ['not_found']))

    def test_selections_that_make_no_sense(self):
        worker = self.start()
        self.redis('XADD', '{mail}:dead', '1-1', 'n', '1')
        for body in ({}, {'ids': []}, {'ids': 'x'}, {'ids': [1]}, {'ids': ['x']}, {'ids': ['1-1'] * 1001}, {'all': True},
                     {'all': False, 'up_to': '1-1'}, {'all': True, 'up_to': 'x'}, {'all': True, 'up_to': '9-9', 'count': 0},
                     {'all': True, 'up_to': '9-9', 'count': 1001}, {'all': True, 'up_to': '9-9', 'after': 1},
                     {'ids': ['1-1'], 'all': True}, {'ids': ['1-1'], 'more': 1}, {'ids': ['1-1\0']},
                     {'all': True, 'up_to': '9-9\0'}, {'all': True, 'up_to': '9-9', 'after': '0-0\0'}):
            for verb in ('requeue', 'delete'):
                self.assertEqual(worker.post('/api/queues/mail/dead/' + verb, body).code, 400, body)
        self.assertEqual(self.redis('XLEN', '{mail}:dead'), 1)


class Addresses(Case):
    def test_what_there_is_not(self):
        worker = self.start()
        for path in ('/nothing', '/api', '/api/', '/api/nothing', '/api/queues/', '/api/queues/a/', '/api/queues//dead',
                     '/api/queues/a/b/c/d/e', '/health/', '/metrics/x', '/api/queues/a/dead/1-1/more'):
            answer = worker.get(path)
            self.assertEqual((answer.code, answer.error), (404, 'no_path'), path)
        for method, path, allow in (('POST', '/health', 'GET, HEAD'), ('PUT', '/api/queues', 'GET, HEAD'),
                                    ('GET', '/api/queues/a/pause', 'POST'), ('PATCH', '/api/queues/a/dead/1-1', 'GET, HEAD, DELETE'),
                                    ('GET', '/api/queues/a/dead/requeue', 'POST'), ('DELETE', '/api/queues/a/jobs', 'POST'),
                                    ('OPTIONS', '/api/queues', 'GET, HEAD'), ('POST', '/', 'GET, HEAD')):
            answer = worker.request(method, path)
            self.assertEqual((answer.code, answer.error, answer.headers['Allow']), (405, 'method', allow), (method, path))
        for path in ('/api/queues/%', '/api/queues/%zz', '/api/queues/%00', '/api/queues/a?count=%1', '/a/b/c/d/e/f/g/h/i/j'):
            self.assertEqual((worker.get(path).code, worker.get(path).error), (400, 'bad_request'), path)
        for query in ('count=0', 'count=1001', 'count=x', 'count=', 'count=-1', 'after=x'):
            answer = worker.get('/api/queues/a/dead?' + query)
            self.assertEqual((answer.code, answer.error), (400, 'argument'), query)

    def test_head_is_get_without_a_body(self):
        worker = self.start()
        for path in ('/health', '/api/queues', '/'):
            get, head = worker.get(path), worker.request('HEAD', path)
            self.assertEqual((head.code, head.body), (200, b''))
            self.assertEqual(head.headers['Content-Type'], get.headers['Content-Type'])
            self.assertGreater(int(head.headers['Content-Length']), 0)

    def test_the_dashboards_files(self):
        worker = self.start()
        page = worker.get('/', token=False)
        self.assertEqual((page.code, page.headers['Content-Type']), (200, 'text/html; charset=utf-8'))
        folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../lib/control/assets')
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), 'rb') as file:
                asset = worker.get('/' + name, token=False)
                self.assertEqual((asset.code, asset.body), (200, file.read()), name)
            known = worker.get('/' + name, headers={'If-None-Match': asset.headers['ETag']})
            self.assertEqual((known.code, known.body), (304, b''))
            self.assertEqual(worker.get('/' + name, headers={'If-None-Match': '"other"'}).code, 200)

    def test_many_at_once(self):
        worker = self.start()
        self.redis('XADD', 'jobs', '*', 'n', '1')
        codes = []

        def ask():
            for _ in range(20):
                codes.append(worker.get('/api/queues/jobs').code)
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(codes, [200] * 160)

    @staticmethod
    def ask_in_vain(worker):
        try:
            worker.get('/api/queues/jobs')
        except OSError:
            pass

    def test_it_stops_while_redis_hangs(self):
        worker = self.start('--timeout', '300')
        worker.get('/api/queues')
        os.kill(self.redis.process.pid, signal.SIGSTOP)
        try:
            asks = [threading.Thread(target=self.ask_in_vain, args=(worker,)) for _ in range(6)]
            for ask in asks:
                ask.start()
            worker.process.stdin.close()
            self.assertEqual(worker.process.wait(scene.TIMEOUT_S), 0)
        finally:
            os.kill(self.redis.process.pid, signal.SIGCONT)
        for ask in asks:
            ask.join()


if __name__ == '__main__':
    scene.main()
