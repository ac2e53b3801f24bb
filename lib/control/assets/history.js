// SPDX-License-Identifier: MIT
// What the page has seen of each queue, from which rates and quantiles of the last seconds follow. The server gives
// counters; two looks give a rate.

const KEPT_MS = 5 * 60 * 1000;
const LEAST_MS = 500; // looks that are closer together say nothing
const GAP_MS = 15000;
const QUANTILES_MS = 10000; // quantiles are of what ran in this time

const histories = new Map();

// Of queues that are gone nothing is kept.
export function keepOnly(paths) {
    for (const path of histories.keys()) if (!paths.has(path)) histories.delete(path);
}

export function historyOf(path) {
    if (!histories.has(path)) histories.set(path, {looks: [], times: []});
    return histories.get(path);
}

const sum = (items, pick) =>
    items.reduce((all, item) => {
        const n = pick(item);
        return all === null || n === null || n === undefined ? null : all + n;
    }, 0);

// What of a queue is finished: handed out and pending no more.
const finishedOf = queue =>
    sum(queue.groups, group => (group.delivered === null ? null : group.delivered - group.pending));

// A counter's growth a second; null where it isn't known, or began anew.
function growth(now, before, name) {
    const from = before[name],
        to = now[name];
    if (from === null || to === null || from === undefined || to === undefined) return null;
    return Math.max(0, ((to - from) * 1000) / (now.t - before.t));
}

// Notes a look at a queue: of the list, or of its own page, where it has `workers`.
export function note(queue) {
    const history = historyOf(queue.path);
    const last = history.looks[history.looks.length - 1];
    const workers = queue.workers || [];
    const look = {
        t: queue.now_ms,
        added: queue.added,
        finished: finishedOf(queue),
        dead: queue.dead_added,
        done: workers.length ? sum(workers, w => w.counters.done) : null,
        failed: workers.length ? sum(workers, w => (w.counters.retried || 0) + (w.counters.died || 0)) : null,
    };
    if (last && (look.t < last.t || look.added < last.added))
        // another server, or another stream of this name
        history.looks = history.times = [];
    else if (last && look.t - last.t < LEAST_MS) return history;
    if (last && history.looks.length)
        look.rates = {
            added: growth(look, last, 'added'),
            finished: growth(look, last, 'finished'),
            dead: growth(look, last, 'dead'),
            failed: growth(look, last, 'failed'),
        };
    history.looks = history.looks.filter(old => old.t > look.t - KEPT_MS).concat(look);
    if (workers.length) noteTimes(history, look.t, workers);
    return history;
}

// The mean rate of the last `ms`, by the ends of it; null where it can't be said.
export function lately(history, name, ms = 10000) {
    const now = history.looks[history.looks.length - 1];
    const before = history.looks.find(look => look.t >= (now ? now.t : 0) - ms);
    return now && before && before !== now ? growth(now, before, name) : null;
}

// A line has a gap where the page wasn't looking.
function points(looks, from, valueOf) {
    const shown = [];
    let last = null;
    for (const look of looks) {
        if (look.t < from) continue;
        if (last !== null && look.t - last > GAP_MS) shown.push({t: last, y: null});
        shown.push({t: look.t, y: valueOf(look)});
        last = look.t;
    }
    return shown;
}

export const rates = (history, name, from) =>
    points(
        history.looks.filter(look => look.rates),
        from,
        look => look.rates[name],
    );

// Where drawings of at most `ms` begin: what is known of fills them.
export function beginning(history, to, ms, least) {
    const first = history.looks.length ? history.looks[0].t : to;
    return to - Math.max(least, Math.min(ms, to - first));
}

// --- times ---

function add(total, buckets) {
    for (const [bound, n] of buckets) total.set(bound, (total.get(bound) || 0) + n);
    return total;
}

const bucketsOf = (workers, name) =>
    workers.reduce(
        (total, worker) => add(total, worker.histograms[name] ? worker.histograms[name].buckets : []),
        new Map(),
    );

// The q-quantile of what came between two looks, in µs; null where nothing came.
export function quantile(now, before, q) {
    const counts = [...now]
        .map(([bound, n]) => [bound === null ? Infinity : bound, n - (before.get(bound) || 0)])
        .filter(([, n]) => n > 0)
        .sort((a, b) => a[0] - b[0]);
    const all = counts.reduce((total, [, n]) => total + n, 0);
    let seen = 0;
    for (const [bound, n] of counts) {
        seen += n;
        if (seen >= q * all)
            return Number.isFinite(bound) ? bound : counts.length > 1 ? counts[counts.length - 2][0] : null;
    }
    return null;
}

function noteTimes(history, t, workers) {
    const look = {t, handler: bucketsOf(workers, 'handler'), queue_wait: bucketsOf(workers, 'queue_wait')};
    const before = history.times.find(old => old.t >= t - QUANTILES_MS);
    history.times = history.times.filter(old => old.t > t - KEPT_MS).concat(look);
    look.quantiles = {};
    for (const name of ['handler', 'queue_wait'])
        for (const q of [50, 99])
            look.quantiles[`${name}${q}`] = before ? quantile(look[name], before[name], q / 100) : null;
    // of older ones only the quantiles are needed
    for (const old of history.times) if (old.t < t - 2 * QUANTILES_MS) old.handler = old.queue_wait = null;
}

// In ms.
export const times = (history, name, from) =>
    points(history.times, from, look => (look.quantiles[name] === null ? null : look.quantiles[name] / 1000));
