// SPDX-License-Identifier: MIT
// Jobs for later: those that were enqueued so, and retries. They can be run now, or dropped.
import {get, post, query, queueAt, remove} from './api.js';
import {ask, show} from './dialog.js';
import {h, keyed, row, say, setHidden, setText, table} from './dom.js';
import {full, line, some, span, time} from './format.js';
import {facts, fieldsTable} from './job.js';
import {pages, staleLine} from './pages.js';
import {server} from './server.js';

const COLUMNS = [
    {title: 'Job', class: 'name'},
    {title: 'Due', class: 'n'},
    {title: 'Why'},
    {title: 'Fields', class: 'wide'},
    {title: 'Actions', class: 'acts', quiet: true},
];

export const summary = job =>
    job.fields
        .slice(0, 4)
        .map(f => `${line(f.name)}=${line(f.value).slice(0, 80)}`)
        .join(' · ');

function due(job, now) {
    if (job.due_ms === null) return 'never';
    return job.due_ms > now ? `in ${span(job.due_ms - now)}` : `overdue by ${span(now - job.due_ms)}`;
}

const why = job =>
    job.spoilt
        ? 'spoilt'
        : job.attempts
          ? `failed ${job.attempts === 1 ? 'once' : `${full(job.attempts)} times`}`
          : 'enqueued so';

function showDelayed(job) {
    show(
        `Delayed job ${line(job.id)}`,
        facts([
            ['Due', job.due_ms === null ? 'never' : time(job.due_ms)],
            ['Job id', line(job.job_id)],
            ['Failed runs so far', full(job.attempts)],
            ['First enqueued', time(job.first_enqueued_ms)],
            ['Only for the group', line(job.group)],
            ['Trace', job.traceparent],
        ]),
        fieldsTable(job),
    );
}

export function delayedTab(path, parameters, refresh) {
    const list = table('Delayed jobs', COLUMNS, 'cards');
    const empty = h('p', {class: 'empty'}, 'No job is delayed.');
    const pager = pages(() => reload(), ['Earlier', 'Later']);
    const stale = staleLine(() => reload());
    const element = h('div', {}, stale, h('div', {class: 'card'}, list.whole, empty), pager.element);
    let loaded = null; // how many there were, when the list was made
    let now = 0;

    async function act(question, request, done) {
        if (!(await ask(question))) return;
        try {
            await request();
            say(done);
        } catch (error) {
            say(error.message);
        }
        loaded = null;
        await refresh();
    }
    const run = job =>
        act(
            {
                title: 'Run this job now?',
                action: 'Run now',
                text: [
                    `${line(job.id)} is moved into the stream at once, whenever it is due. That can't be taken back.`,
                ],
            },
            () => post(`${queueAt(path)}/delayed/${job.path}/run`),
            'The job was moved into the stream.',
        );
    const drop = job =>
        act(
            {
                title: 'Delete this job for good?',
                action: 'Delete',
                danger: true,
                text: [`${line(job.id)} will never run, and is kept nowhere. That can't be undone.`],
            },
            () => remove(`${queueAt(path)}/delayed/${job.path}`),
            'The job was deleted.',
        );

    function delayedRow(first) {
        let current = first;
        const when = h('td', {}),
            reason = h('td', {}),
            fields = h('td', {});
        const hint = server.write ? null : 'Only with a token';
        const name = line(first.id);
        const element = row(COLUMNS, [
            h(
                'th',
                {scope: 'row'},
                h('button', {type: 'button', class: 'link mono', onclick: () => showDelayed(current)}, name),
            ),
            when,
            reason,
            fields,
            h(
                'td',
                {},
                h(
                    'button',
                    {
                        'type': 'button',
                        'disabled': !server.write,
                        'title': hint,
                        'aria-label': `Run now: ${name}`,
                        'onclick': () => run(current),
                    },
                    'Run now',
                ),
                h(
                    'button',
                    {
                        'type': 'button',
                        'disabled': !server.write,
                        'title': hint,
                        'class': 'danger quiet',
                        'aria-label': `Delete ${name}`,
                        'onclick': () => drop(current),
                    },
                    'Delete',
                ),
            ),
        ]);
        element.update = job => {
            current = job;
            element.tick();
            setText(reason, why(job));
            setText(fields, summary(job));
            fields.title = fields.textContent;
        };
        element.tick = () => setText(when, due(current, now));
        return element;
    }
    async function reload() {
        loaded = null;
        await refresh();
    }
    return {
        element,
        update(queue) {
            now = queue.now_ms;
            for (const one of list.body.children) one.tick();
            if (loaded !== null)
                stale.tell(
                    queue.delayed === loaded
                        ? ''
                        : `There are ${some(queue.delayed, 'delayed job', 'delayed jobs')} now.`,
                );
        },
        async load(queue) {
            if (loaded !== null) return;
            const page = await get(`${queueAt(path)}/delayed` + query({count: 50, after: pager.after}));
            loaded = queue.delayed;
            stale.tell('');
            keyed(list.body, page.items, job => job.path, delayedRow);
            setHidden(list.whole, !page.items.length);
            setHidden(empty, page.items.length > 0);
            pager.set(page.next);
        },
    };
}
