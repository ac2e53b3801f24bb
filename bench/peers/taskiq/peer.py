#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""taskiq as one of the peers: enqueues jobs, or works a backlog off.

See ../README.md for the arguments and for what is measured. taskiq has no bulk enqueue: --concurrency coroutines call
kiq() at once. Workers are those of `taskiq worker`: its receiver, on uvloop, in --processes processes.
"""

import argparse
import asyncio
import json
import logging
import multiprocessing
import os
import resource
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

import redis
import uvloop
from taskiq.receiver import Receiver
from taskiq.serializers import ORJSONSerializer
from taskiq_redis import RedisStreamBroker

STREAM = GROUP = 'bench'


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('mode', choices=['enqueue', 'consume'])
    parser.add_argument('--url', required=True)
    for name, default in (('jobs', 10000), ('payload', 100), ('concurrency', 100), ('processes', 1), ('prefetch', 0),
                          ('read', 100)):
        parser.add_argument('--' + name, type=int, default=default)
    return parser.parse_args()


def cpu_us():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return (usage.ru_utime + usage.ru_stime) * 1e6


def make_broker(a, done):
    broker = RedisStreamBroker(a.url, queue_name=STREAM, consumer_group_name=GROUP, consumer_id='0',
                               xread_count=a.read).with_serializer(ORJSONSerializer())

    @broker.task(task_name='noop')
    async def noop(payload: str) -> None:
        if len(payload) != a.payload:
            raise ValueError('a payload of another length')
        done[0] += 1

    return broker, noop


async def enqueue(a):
    broker, noop = make_broker(a, [0])
    await broker.startup()
    payload = 'x' * a.payload
    begin, cpu = time.monotonic(), cpu_us()
    left = iter(range(a.jobs))

    async def produce():
        for _ in left:
            await noop.kiq(payload)

    await asyncio.gather(*(produce() for _ in range(a.concurrency)))
    result = {'jobs': a.jobs, 'seconds': time.monotonic() - begin, 'cpu': cpu_us() - cpu}
    await broker.shutdown()
    return result


async def work(a, pipe):
    """One worker process: tells that it is ready, starts when told, reports its count and CPU when told again."""
    done = [0]
    loop = asyncio.get_running_loop()
    broker, _ = make_broker(a, done)
    broker.is_worker_process = True
    with ThreadPoolExecutor(1) as executor:
        await broker.startup()
        receiver = Receiver(broker, executor=executor, run_startup=False, max_async_tasks=a.concurrency,
                            max_prefetch=a.prefetch)
        pipe.send('ready')
        await loop.run_in_executor(None, pipe.recv)
        cpu = cpu_us()
        listening = asyncio.create_task(receiver.listen(asyncio.Event()))
        await loop.run_in_executor(None, pipe.recv)
        pipe.send({'done': done[0], 'cpu': cpu_us() - cpu})
        await loop.run_in_executor(None, pipe.recv)
        os._exit(listening.done())  # all is acknowledged: a graceful end would wait for the blocking read


def work_in_process(a, pipe):
    logging.disable(logging.WARNING)
    uvloop.run(work(a, pipe))


def finished(server, jobs):
    """Every entry was delivered to the group, and acknowledged."""
    group = server.xinfo_groups(STREAM)[0]
    if group['pending'] != 0:
        return False
    last = server.xinfo_stream(STREAM)['last-generated-id']
    return group['last-delivered-id'] == last and server.xlen(STREAM) == jobs


def consume(a):
    shares, processes = [], []
    a.concurrency = -(-a.concurrency // a.processes)
    context = multiprocessing.get_context('fork')
    for _ in range(a.processes):
        ours, theirs = context.Pipe()
        processes.append(context.Process(target=work_in_process, args=(a, theirs)))
        processes[-1].start()
        shares.append(ours)
    for pipe in shares:
        pipe.recv()
    server = redis.Redis.from_url(a.url, decode_responses=True)
    begin = time.monotonic()
    for pipe in shares:
        pipe.send('start')
    while not finished(server, a.jobs):
        time.sleep(0.002)
    seconds = time.monotonic() - begin
    for pipe in shares:
        pipe.send('report')
    reports = [pipe.recv() for pipe in shares]
    for pipe, process in zip(shares, processes):
        pipe.send('end')
        process.join()
        if process.exitcode != 0:
            raise SystemExit('peer.py: a worker had ended early')
    return {'jobs': sum(r['done'] for r in reports), 'seconds': seconds, 'cpu': sum(r['cpu'] for r in reports)}


def main():
    a = arguments()
    result = uvloop.run(enqueue(a)) if a.mode == 'enqueue' else consume(a)
    print(json.dumps({
        'peer': 'taskiq', 'version': version('taskiq'), 'mode': a.mode, 'jobs': result['jobs'],
        'seconds': round(result['seconds'], 6), 'per_s': round(result['jobs'] / result['seconds'], 1),
        'cpu_us_per_job': round(result['cpu'] / result['jobs'], 3),
    }))


if __name__ == '__main__':
    main()
