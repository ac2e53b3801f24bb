// SPDX-License-Identifier: MIT
//
// BullMQ as one of the peers: enqueues jobs in bulk, or works a backlog off. See ../README.md for the arguments and for
// what is measured. With --processes above 1 the work is done by children of this process, which share the jobs.
import { fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { createClient } from 'redis';

const USAGE = `usage: peer.mjs enqueue|consume --url URL [--jobs N] [--payload BYTES] [--concurrency N] [--batch N]
                [--processes N] [--workers N] [--client ioredis|ioredis-pipelined|node-redis]`;
const NAME = 'bench';
const KEYS = ['wait', 'active'].map((key) => `bull:${NAME}:${key}`);

function parse() {
  const text = (value) => ({ type: 'string', default: value });
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        url: text(), jobs: text('20000'), payload: text('100'), concurrency: text('100'), batch: text('1000'),
        processes: text('1'), workers: text('1'), client: text('ioredis'),
      },
    });
    const [mode] = positionals;
    const numbers = ['jobs', 'payload', 'concurrency', 'batch', 'processes', 'workers'];
    const a = { ...values, mode };
    for (const name of numbers) a[name] = Number(values[name]);
    if (values.url && ['enqueue', 'consume'].includes(mode) && numbers.every((name) => a[name] >= 1)) return a;
  } catch { /* usage */ }
  console.error(USAGE);
  process.exit(2);
}

// ioredis-pipelined: ioredis with its automatic pipelining: what one turn of the event loop has to say goes out at once.
async function connect(a) {
  if (a.client === 'node-redis') return createClient({ url: a.url });
  return new Redis(a.url, { maxRetriesPerRequest: null, enableAutoPipelining: a.client === 'ioredis-pipelined' });
}

function cpuUs() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

async function enqueue(a) {
  const connection = await connect(a);
  const queue = new Queue(NAME, { connection });
  await queue.waitUntilReady();
  const data = { payload: 'x'.repeat(a.payload) };
  const opts = { removeOnComplete: true };
  const begin = { at: performance.now(), cpu: cpuUs() };
  let next = 0;
  const producer = async () => {
    while (next < a.jobs) {
      const n = Math.min(a.batch, a.jobs - next);
      next += n;
      await queue.addBulk(Array.from({ length: n }, () => ({ name: 'noop', data, opts })));
    }
  };
  await Promise.all(Array.from({ length: a.concurrency }, producer));
  const result = { jobs: a.jobs, seconds: (performance.now() - begin.at) / 1000, cpu: cpuUs() - begin.cpu };
  await queue.close();
  return result;
}

// This process' share of the work: workers that start with start().
async function makeWorkers(a) {
  const state = { done: 0 };
  const handler = async (job) => {
    if (job.data.payload.length !== a.payload) throw new Error('a payload of another length');
    state.done++;
  };
  const workers = [];
  for (let i = 0; i < a.workers; i++) {
    const worker = new Worker(NAME, handler, {
      connection: await connect(a), concurrency: Math.ceil(a.concurrency / a.workers), autorun: false,
    });
    worker.on('error', (error) => { console.error(error); process.exit(1); });
    await worker.waitUntilReady();
    workers.push(worker);
  }
  return {
    state,
    start: () => workers.forEach((worker) => worker.run()),
    close: () => Promise.all(workers.map((worker) => worker.close())),
  };
}

async function untilEmpty(watch, intervalMs) {
  for (;;) {
    const lengths = await Promise.all(KEYS.map((key) => watch.llen(key)));
    if (lengths.every((length) => length === 0)) return;
    await pause(intervalMs);
  }
}

async function consumeHere(a, watch) {
  const work = await makeWorkers(a);
  const begin = { at: performance.now(), cpu: cpuUs() };
  work.start();
  while (work.state.done < a.jobs) await pause(1);
  await untilEmpty(watch, 1);
  const result = { jobs: work.state.done, seconds: (performance.now() - begin.at) / 1000, cpu: cpuUs() - begin.cpu };
  await work.close();
  return result;
}

const message = (child) => new Promise((resolve, reject) => {
  child.once('message', resolve);
  child.once('exit', () => reject(new Error('a worker process ended')));
});

async function consumeInChildren(a, watch) {
  const own = { ...a, concurrency: Math.ceil(a.concurrency / a.processes), processes: 1 };
  const children = Array.from({ length: a.processes }, () =>
    fork(new URL(import.meta.url), { env: { ...process.env, PEER_CHILD: JSON.stringify(own) } }));
  await Promise.all(children.map(message));
  const begin = { at: performance.now(), cpu: cpuUs() };
  children.forEach((child) => child.send('start'));
  await untilEmpty(watch, 5);
  const seconds = (performance.now() - begin.at) / 1000;
  const answers = children.map(message);
  children.forEach((child) => child.send('report'));
  const results = await Promise.all(answers);
  const sum = (key) => results.reduce((total, result) => total + result[key], 0);
  return { jobs: sum('done'), seconds, cpu: sum('cpu') + cpuUs() - begin.cpu };
}

async function child(a) {
  const work = await makeWorkers(a);
  let cpu;
  process.on('message', async (what) => {
    if (what === 'start') {
      cpu = cpuUs();
      work.start();
      return;
    }
    process.send({ done: work.state.done, cpu: cpuUs() - cpu }, () => process.exit(0));
  });
  process.send('ready');
}

async function main() {
  const a = parse();
  let result;
  if (a.mode === 'enqueue') {
    result = await enqueue(a);
  } else {
    const watch = new Redis(a.url);
    result = a.processes === 1 ? await consumeHere(a, watch) : await consumeInChildren(a, watch);
    watch.disconnect();
  }
  console.log(JSON.stringify({
    peer: 'bullmq',
    version: createRequire(import.meta.url)('bullmq/package.json').version,
    mode: a.mode,
    jobs: result.jobs,
    seconds: Number(result.seconds.toFixed(6)),
    per_s: Number((result.jobs / result.seconds).toFixed(1)),
    cpu_us_per_job: Number((result.cpu / result.jobs).toFixed(3)),
  }));
  process.exit(0);
}

if (process.env.PEER_CHILD) await child(JSON.parse(process.env.PEER_CHILD));
else await main();
