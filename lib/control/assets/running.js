// SPDX-License-Identifier: MIT
// The jobs that workers have in hand, and for how long. Of its own jobs a worker knows it; of others' Redis tells only
// when their lease was last renewed, and so this page counts how long it has seen them there.
import {get, query, queueAt} from './api.js';
import {h, keyed, row, setHidden, setText, table} from './dom.js';
import {full, line, span} from './format.js';
import {showJob} from './job.js';
import {pages} from './pages.js';

const COLUMNS = [
    {title: 'Job', class: 'name'},
    {title: 'Worker', class: 'long'},
    {title: 'Runs for', class: 'n', hint: 'since its handler started'},
    {title: 'In the queue for', class: 'n', hint: 'since it was put into the stream'},
    {title: 'Handed out', class: 'n', hint: 'how often, without an answer'},
];

function runsFor(job, seenFor, local) {
    if (job.released) return 'handed back';
    if (job.running_ms !== null) return span(job.running_ms);
    return local ? 'not started' : `at least ${span(Math.max(job.idle_ms, seenFor))}`;
}

function jobRow(path) {
    return first => {
        const open = h(
            'button',
            {type: 'button', class: 'link mono', onclick: () => showJob(path, first.job.entry_id)},
            first.job.entry_id,
        );
        const cells = COLUMNS.slice(1).map(() => h('td', {}));
        const times = h('span', {});
        cells[3].append(times);
        const element = row(COLUMNS, [h('th', {scope: 'row'}, open), ...cells]);
        element.update = ({job, seenFor, local}) => {
            setText(cells[0], line(job.consumer));
            setText(cells[1], runsFor(job, seenFor, local));
            setText(cells[2], span(job.age_ms));
            setText(times, job.deliveries === 1 ? 'once' : `${full(job.deliveries)} times`);
            times.className = job.deliveries >= 3 ? 'badge warning' : '';
        };
        return element;
    };
}

export function runningTab(path, parameters, refresh) {
    const list = table('Running jobs', COLUMNS, 'cards');
    const empty = h('p', {class: 'empty'}, 'No worker has a job in hand.');
    const group = h('select', {
        'aria-label': 'Group',
        'onchange': () => {
            pager.jump(null);
            refresh();
        },
    });
    const only = h(
        'p',
        {class: 'quiet note', hidden: !parameters.consumer},
        'Only those of one worker. ',
        h('a', {href: `#/q/${path}/running`}, 'Show all'),
    );
    const pager = pages(refresh, ['Back', 'Next']);
    const tools = h('div', {class: 'tools'}, group, only);
    const element = h('div', {}, tools, h('div', {class: 'card'}, list.whole, empty), pager.element);
    const seen = new Map();

    function notice(items) {
        const now = Date.now(),
            there = new Set();
        const rows = items.map(job => {
            const key = `${job.entry_id} ${line(job.consumer)} ${job.deliveries}`;
            there.add(key);
            if (!seen.has(key)) seen.set(key, now);
            return {job, seenFor: now - seen.get(key)};
        });
        for (const key of seen.keys()) if (!there.has(key)) seen.delete(key);
        return rows;
    }
    return {
        element,
        async load(queue) {
            keyed(
                group,
                queue.groups,
                g => g.path,
                g => h('option', {value: g.path}, line(g.name)),
            );
            setHidden(group, queue.groups.length < 2);
            setHidden(tools, group.hidden && only.hidden);
            const chosen = group.value || (queue.groups[0] || {}).path;
            if (!chosen) {
                setHidden(list.whole, true);
                return;
            }
            const page = await get(
                `${queueAt(path)}/pending` +
                    query({count: 100, after: pager.after}, {group: chosen, consumer: parameters.consumer}),
            );
            const own = new Set(
                queue.consumers.filter(consumer => consumer.local).map(consumer => line(consumer.name)),
            );
            keyed(
                list.body,
                notice(page.items).map(item => ({...item, local: own.has(line(item.job.consumer))})),
                item => item.job.entry_id,
                jobRow(path),
            );
            setHidden(list.whole, !page.items.length);
            setHidden(empty, page.items.length > 0);
            pager.set(page.next);
        },
    };
}
