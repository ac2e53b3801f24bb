// SPDX-License-Identifier: MIT
// One queue: why it moves or not, its numbers, and the tabs with its jobs.
import {get, post, queueAt} from './api.js';
import {niceSpan, plot} from './chart.js';
import {h, keyed, row, say, setAttribute, setHidden, setText, table} from './dom.js';
import {deadTab} from './dead.js';
import {delayedTab} from './delayed.js';
import {ago, full, line, rate, short, some, span} from './format.js';
import {beginning, lately, note, rates, times} from './history.js';
import {showJob} from './job.js';
import {runningTab} from './running.js';
import {server} from './server.js';
import {whyPanel} from './why.js';

const PLOT_MS = 5 * 60 * 1000,
    PLOT_LEAST_MS = 30000;

const TABS = [
    ['', 'Overview'],
    ['running', 'Running'],
    ['delayed', 'Delayed'],
    ['dead', 'Dead'],
];

// --- the first tab ---

const CONSUMERS = [
    {title: 'Worker', class: 'name'},
    {title: 'Group'},
    {title: 'State', class: 'state'},
    {title: 'Running', class: 'n'},
    {title: 'Last seen', class: 'n'},
];

function consumerRow(path, paused) {
    return first => {
        const name = h('span', {class: 'mono'}, line(first.name)),
            group = h('td', {}),
            badge = h('span', {});
        const pending = h('a', {href: `#/q/${path}/running?consumer=${first.path}`}),
            seen = h('td', {});
        const here = h('span', {class: 'quiet'}, first.local ? ' this process' : '');
        const element = row(CONSUMERS, [
            h('th', {scope: 'row'}, name, here),
            group,
            h('td', {}, badge),
            h('td', {}, pending),
            seen,
        ]);
        element.update = consumer => {
            setText(group, line(consumer.group));
            // while a queue is paused its workers read nothing, and so aren't seen
            setText(badge, consumer.alive ? 'alive' : paused() ? 'not seen' : 'gone');
            badge.className = `badge ${consumer.alive ? 'ok' : consumer.pending ? 'warning' : 'idle'}`;
            setText(pending, short(consumer.pending));
            setAttribute(pending, 'aria-label', `${full(consumer.pending)} running jobs of ${line(consumer.name)}`);
            setText(seen, ago(consumer.idle_ms));
        };
        return element;
    };
}

const GROUPS = [
    {title: 'Group', class: 'name'},
    {title: 'Waiting', class: 'n'},
    {title: 'Running', class: 'n'},
    {title: 'Oldest', class: 'n'},
    {title: 'Workers alive', class: 'n'},
    {title: 'Gone', class: 'n'},
];

function groupRow(first) {
    const cells = GROUPS.slice(1).map(() => h('td', {}));
    const element = row(GROUPS, [h('th', {scope: 'row'}, line(first.name)), ...cells]);
    element.update = group =>
        [
            short(group.waiting),
            short(group.pending),
            group.oldest_runnable_ms ? span(group.oldest_runnable_ms) : '–',
            full(group.consumers_alive),
            full(group.consumers_idle),
        ].forEach((text, i) => setText(cells[i], text));
    return element;
}

function plots() {
    const quantiles = name => [
        {name: `${name}50`, label: 'p50', class: 'a'},
        {name: `${name}99`, label: 'p99', class: 'b'},
    ];
    const through = plot({
        title: 'Throughput',
        format: rate,
        series: [
            {name: 'finished', label: 'finished', class: 'a'},
            {name: 'added', label: 'added', class: 'c'},
            {name: 'failed', label: 'failed runs', class: 'e'},
            {name: 'dead', label: 'dead', class: 'd'},
        ],
    });
    const wait = plot({title: 'Wait time', format: span, ceil: niceSpan, series: quantiles('queue_wait')});
    const run = plot({title: 'Run time', format: span, ceil: niceSpan, series: quantiles('handler')});
    const none = h(
        'p',
        {class: 'quiet note'},
        'How long jobs wait and run is measured by the workers themselves. This page is ' +
            'served by a process without a worker of this queue: open the page of a worker, or look into Prometheus.',
    );
    const share = h(
        'p',
        {class: 'quiet note'},
        'Times and failed runs are those of this process’ own workers; all else is the ' +
            'whole queue’s, as Redis tells.',
    );
    const uncounted = h(
        'p',
        {class: 'quiet note'},
        'This Redis counts neither what it adds nor what it hands out (it is older ' +
            'than 7.0, or the group was moved by hand), so that the throughput isn’t known.',
    );
    const element = h('section', {'class': 'plots', 'aria-label': 'Plots'}, through, wait, run, none, share, uncounted);
    element.update = (queue, history) => {
        const to = queue.now_ms,
            from = beginning(history, to, PLOT_MS, PLOT_LEAST_MS),
            local = queue.workers.length > 0;
        const data = {};
        for (const name of ['finished', 'added', 'failed', 'dead']) data[name] = rates(history, name, from);
        through.update(data, from, to);
        setHidden(wait, !local);
        setHidden(run, !local);
        setHidden(none, local);
        setHidden(share, !local);
        setHidden(uncounted, queue.added !== null && queue.groups.every(group => group.delivered !== null));
        if (!local) return;
        wait.update(
            {queue_wait50: times(history, 'queue_wait50', from), queue_wait99: times(history, 'queue_wait99', from)},
            from,
            to,
        );
        run.update(
            {handler50: times(history, 'handler50', from), handler99: times(history, 'handler99', from)},
            from,
            to,
        );
    };
    return element;
}

function overviewTab(path) {
    let isPaused = false;
    const drawn = plots();
    const groups = table('Groups', GROUPS, 'cards'),
        consumers = table('Workers', CONSUMERS, 'cards');
    const groupCard = h('div', {class: 'card'}, h('h2', {}, 'Groups'), groups.whole);
    const nobody = h('p', {class: 'empty'}, 'No worker has ever read from this queue, or all of them have left.');
    const more = h('p', {class: 'quiet note'});
    const slots = h('p', {class: 'quiet note'});
    const element = h(
        'div',
        {},
        drawn,
        groupCard,
        h('div', {class: 'card'}, h('h2', {}, 'Workers'), consumers.whole, nobody, more, slots),
    );
    return {
        element,
        update(queue, history) {
            drawn.update(queue, history);
            setHidden(groupCard, queue.groups.length < 2);
            keyed(groups.body, queue.groups, group => group.path, groupRow);
            isPaused = queue.paused;
            keyed(
                consumers.body,
                queue.consumers,
                consumer => `${line(consumer.group)} ${consumer.path}`,
                consumerRow(path, () => isPaused),
            );
            setHidden(consumers.whole, !queue.consumers.length);
            setHidden(nobody, queue.consumers.length > 0);
            setHidden(more, !queue.consumers_left_out);
            setText(
                more,
                `${some(queue.consumers_left_out, 'more consumer', 'more consumers')}, idle or not seen for longer.`,
            );
            const own = queue.workers.reduce(
                (all, worker) => ({
                    slots: all.slots + (worker.gauges.slots || 0),
                    busy: all.busy + (worker.gauges.running || 0) + (worker.gauges.later || 0),
                }),
                {slots: 0, busy: 0},
            );
            setHidden(slots, !own.slots);
            setText(slots, `This process runs ${full(own.busy)} of at most ${some(own.slots, 'job', 'jobs')} at once.`);
        },
    };
}

// --- the page ---

const NUMBERS = [
    ['Waiting', ''],
    ['Running', 'running'],
    ['Delayed', 'delayed'],
    ['Dead', 'dead'],
    ['Oldest', ''],
    ['Finished', ''],
];

function numbers() {
    const values = NUMBERS.map(() => h('dd', {}));
    const element = h(
        'dl',
        {class: 'totals'},
        NUMBERS.map(([title], i) => h('div', {}, h('dt', {}, title), values[i])),
    );
    element.update = (queue, speeds) => {
        const waiting = queue.groups.map(group => group.waiting).filter(n => n !== null);
        const oldest = Math.max(0, queue.overdue_ms, ...queue.groups.map(group => group.oldest_runnable_ms));
        [
            queue.groups.length ? (waiting.length ? short(Math.max(...waiting)) : '–') : short(queue.length),
            short(queue.groups.reduce((all, group) => all + group.pending, 0)),
            short(queue.delayed),
            short(queue.dead),
            oldest ? span(oldest) : '–',
            rate(speeds.finished),
        ].forEach((text, i) => setText(values[i], text));
        values[3].classList.toggle('alarm', queue.dead > 0);
    };
    return element;
}

export function queuePage(path, tabName, parameters, refresh) {
    const name = h('h1', {tabindex: '-1', class: 'name'}, decodeURIComponentSafely(path));
    const switching = h('button', {type: 'button', id: 'pause', hidden: true, onclick: pauseOrResume}, 'Pause');
    const readOnly = h(
        'p',
        {class: 'quiet note', hidden: true},
        'Only to look at: this server was started without a token, so that nothing can be changed here.',
    );
    const why = whyPanel(),
        sums = numbers();
    const tabs = TABS.map(([key, title]) => {
        const n = h('span', {class: 'count'});
        return h(
            'a',
            {'href': `#/q/${path}${key ? `/${key}` : ''}`, 'aria-current': key === tabName ? 'page' : null},
            title,
            ' ',
            n,
        );
    });
    const make =
        {'': overviewTab, 'running': runningTab, 'delayed': delayedTab, 'dead': deadTab}[tabName] || overviewTab;
    const tab = make(path, parameters, refresh, name);
    tab.element.hidden = true;
    let last = null,
        busy = false;

    async function pauseOrResume() {
        if (!last || busy) return;
        busy = true;
        switching.disabled = true;
        try {
            const answer = await post(`${queueAt(path)}/${last.paused ? 'resume' : 'pause'}`);
            say(
                answer.paused
                    ? `${name.textContent} is paused. Workers finish what they have.`
                    : `${name.textContent} goes on.`,
            );
        } catch (error) {
            say(error.message);
        }
        busy = false;
        await refresh();
        switching.focus();
    }

    function actionsOf(finding) {
        const hint = server.write ? null : 'Only with a token';
        const go = to => () => {
            location.hash = `#/q/${path}/${to}`;
        };
        switch (finding.name) {
            case 'paused':
                return [{text: 'Resume', act: pauseOrResume, disabled: !server.write, hint}];
            case 'dead letters':
            case 'full':
                return tabName === 'dead' || !last.dead ? [] : [{text: 'Look at the dead letters', act: go('dead')}];
            case 'poison job': {
                const worst = last.groups.reduce(
                    (most, group) => (!most || group.most_deliveries > most.most_deliveries ? group : most),
                    null,
                );
                return worst && worst.most_delivered_id
                    ? [{text: 'Look at the job', act: () => showJob(path, worst.most_delivered_id)}]
                    : [];
            }
            case 'overdue':
                return tabName === 'delayed' ? [] : [{text: 'Look at the delayed jobs', act: go('delayed')}];
            case 'pending stuck':
            case 'slow handler':
                return tabName === 'running' ? [] : [{text: 'Look at what runs', act: go('running')}];
            default:
                return [];
        }
    }

    function render(queue) {
        const history = note(queue);
        const speeds = {added: lately(history, 'added'), finished: lately(history, 'finished')};
        last = queue;
        setText(name, line(queue.stream));
        why.update(queue, speeds, actionsOf);
        sums.update(queue, speeds);
        const running = queue.groups.reduce((all, group) => all + group.pending, 0);
        [null, running, queue.delayed, queue.dead].forEach((n, i) => {
            const count = tabs[i].querySelector('.count');
            setAttribute(tabs[i], 'aria-label', n ? `${TABS[i][1]} ${short(n)}` : null);
            setText(count, n ? short(n) : '');
        });
        setHidden(switching, !server.write);
        setHidden(readOnly, server.write !== false);
        switching.disabled = busy;
        setText(switching, queue.paused ? 'Resume' : 'Pause');
        switching.className = queue.paused ? 'primary' : '';
        if (tab.update) tab.update(queue, history);
    }

    const element = h(
        'section',
        {},
        h(
            'nav',
            {'class': 'crumbs', 'aria-label': 'Where you are'},
            h('a', {href: '#/'}, 'Queues'),
            h('span', {'aria-hidden': 'true'}, ' / '),
        ),
        h('div', {class: 'head'}, name, switching),
        readOnly,
        why,
        sums,
        h('nav', {'class': 'tabs', 'aria-label': 'Of this queue'}, tabs),
        tab.element,
    );
    return {
        title: name.textContent,
        element,
        async tick() {
            const queue = await get(queueAt(path));
            render(queue);
            if (tab.load) await tab.load(queue);
            setHidden(tab.element, false); // not before there is something to show
        },
        period: () => 2000,
        leave: () => tab.leave && tab.leave(),
    };
}

function decodeURIComponentSafely(path) {
    try {
        return decodeURIComponent(path);
    } catch {
        return path;
    }
}
