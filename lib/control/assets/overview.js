// SPDX-License-Identifier: MIT
// All queues: a table that is sorted, filtered and leafed through here: a thousand queues fit into a few requests.
import {allQueues} from './api.js';
import {sparkline} from './chart.js';
import {h, keyed, row, setAttribute, setHidden, setText, table} from './dom.js';
import {full, line, rate, short, some, span} from './format.js';
import {beginning, keepOnly, lately, note, rates} from './history.js';
import {badgesOf, isTrouble} from './why.js';

const PAGE = 50;
const SPARK_MS = 60000,
    SPARK_LEAST_MS = 20000;

const most = (queue, pick) =>
    queue.groups.reduce(
        (max, group) => {
            const n = pick(group);
            return n === null ? max : Math.max(max === null ? 0 : max, n);
        },
        queue.groups.length ? null : 0,
    );

// What a row shows, of all groups together.
function sumUp(queue) {
    const history = note(queue);
    return {
        queue,
        history,
        path: queue.path,
        name: line(queue.stream),
        waiting: queue.groups.length ? most(queue, g => g.waiting) : queue.length,
        running: queue.groups.reduce((all, group) => all + group.pending, 0),
        delayed: queue.delayed,
        dead: queue.dead,
        oldest: Math.max(most(queue, g => g.oldest_runnable_ms) || 0, queue.overdue_ms),
        finished: lately(history, 'finished'),
        errors: lately(history, 'dead', 60000),
        trouble: isTrouble(queue),
    };
}

const COLUMNS = [
    {title: 'Queue', key: 'name', class: 'name'},
    {title: 'State', key: 'trouble', class: 'state'},
    {title: 'Waiting', key: 'waiting', class: 'n', hint: 'not handed to a worker yet'},
    {title: 'Running', key: 'running', class: 'n', hint: 'handed to a worker and not finished'},
    {title: 'Delayed', key: 'delayed', class: 'n', hint: 'for later, retries included'},
    {title: 'Dead', key: 'dead', class: 'n', hint: 'given up; somebody has to look at them'},
    {title: 'Oldest', key: 'oldest', class: 'n', hint: 'for how long a job could have run and has not'},
    {title: 'Throughput', key: 'finished', class: 'rate', hint: 'jobs that workers were finished with, per second'},
    {title: 'Errors', key: 'errors', class: 'rate', hint: 'jobs that became dead letters'},
];

const compare = (a, b, key) =>
    key === 'name'
        ? a.name.localeCompare(b.name, 'en', {numeric: true})
        : Number(b[key] === null ? -1 : b[key]) - Number(a[key] === null ? -1 : a[key]);

function link(path, tab, text) {
    return h('a', {href: `#/q/${path}${tab}`}, text);
}

// Counts that lead to their list.
function count(path, tab, title) {
    const anchor = link(path, tab, '');
    const cell = h('td', {}, anchor);
    cell.show = (n, name) => {
        setText(anchor, short(n));
        setAttribute(anchor, 'title', `${full(n)} ${title}`);
        setAttribute(anchor, 'aria-label', `${full(n)} ${title} of ${name}`);
        setAttribute(cell, 'class', n ? 'n' : 'n zero');
    };
    return cell;
}

function queueRow(item) {
    const name = h('a', {href: `#/q/${item.path}`, class: 'queue'}, item.name);
    const badges = h('span', {class: 'badges'});
    const waiting = h('td', {}),
        oldest = h('td', {});
    const running = count(item.path, '/running', 'running jobs');
    const delayed = count(item.path, '/delayed', 'delayed jobs'),
        dead = count(item.path, '/dead', 'dead letters');
    const throughput = sparkline('good'),
        errors = sparkline('bad');
    const throughputText = h('span', {}),
        errorsText = h('span', {});
    const element = row(COLUMNS, [
        h('th', {scope: 'row'}, name),
        h('td', {}, badges),
        waiting,
        running,
        delayed,
        dead,
        oldest,
        h('td', {}, throughput, throughputText),
        h('td', {}, errors, errorsText),
    ]);
    element.update = now => {
        keyed(
            badges,
            badgesOf(now.queue, now.finished),
            badge => badge.text,
            badge => h('span', {class: `badge ${badge.kind}`, title: badge.hint}, badge.text),
        );
        setText(waiting, short(now.waiting));
        setAttribute(waiting, 'title', full(now.waiting));
        waiting.classList.toggle('zero', !now.waiting);
        running.show(now.running, now.name);
        delayed.show(now.delayed, now.name);
        dead.show(now.dead, now.name);
        dead.classList.toggle('alarm', now.dead > 0);
        setText(oldest, now.oldest ? span(now.oldest) : '–');
        oldest.classList.toggle('zero', !now.oldest);
        const to = now.queue.now_ms,
            from = beginning(now.history, to, SPARK_MS, SPARK_LEAST_MS);
        throughput.update(rates(now.history, 'finished', from), from, to);
        errors.update(rates(now.history, 'dead', from), from, to);
        setText(throughputText, rate(now.finished));
        setText(errorsText, rate(now.errors));
        throughputText.classList.toggle('zero', !now.finished);
        errorsText.classList.toggle('zero', !now.errors);
    };
    return element;
}

const TOTALS = [
    ['waiting', 'Waiting'],
    ['running', 'Running'],
    ['delayed', 'Delayed'],
    ['dead', 'Dead'],
    ['finished', 'Finished', rate],
    ['trouble', 'Not well'],
];

function totals() {
    const values = TOTALS.map(() => h('dd', {}));
    const element = h(
        'dl',
        {class: 'totals'},
        TOTALS.map(([, title], i) => h('div', {}, h('dt', {}, title), values[i])),
    );
    element.update = items =>
        TOTALS.forEach(([key, , format = short], i) => {
            const known = items.filter(item => item[key] !== null);
            const all = known.reduce((total, item) => total + item[key], 0);
            setText(values[i], known.length || !items.length ? format(all) : '–');
            setAttribute(
                values[i],
                'title',
                key === 'finished' ? 'per second' : key === 'trouble' ? 'queues' : full(all),
            );
            values[i].classList.toggle('alarm', key === 'trouble' && all > 0);
        });
    return element;
}

// The list is remembered while other pages are shown.
const choice = {text: '', trouble: false, key: 'name', reversed: false, page: 0};
let items = [];

export function overview() {
    const sums = totals();
    const filter = h('input', {
        'type': 'search',
        'id': 'filter',
        'placeholder': 'Filter by name',
        'aria-label': 'Filter queues by name',
        'autocomplete': 'off',
        'spellcheck': 'false',
        'value': choice.text,
    });
    const trouble = h('input', {type: 'checkbox', id: 'trouble', checked: choice.trouble});
    const found = h('span', {class: 'found'});
    const list = table(
        'Queues',
        COLUMNS.map(column => ({...column, sort: () => sortBy(column.key)})),
        'cards queues',
    );
    const before = h('button', {type: 'button', onclick: () => turn(-1)}, 'Previous');
    const after = h('button', {type: 'button', onclick: () => turn(1)}, 'Next');
    const place = h('span', {'aria-live': 'polite'});
    const pager = h('nav', {'class': 'pager', 'aria-label': 'Pages of queues'}, before, place, after);
    const empty = h('p', {class: 'empty'});
    const sorting = h(
        'select',
        {'aria-label': 'Sort by', 'class': 'sorting', 'onchange': () => sortBy(sorting.value)},
        COLUMNS.map(column => h('option', {value: column.key}, `by ${column.title.toLowerCase()}`)),
    );
    const element = h(
        'section',
        {},
        h('h1', {tabindex: '-1'}, 'Queues'),
        sums,
        h('div', {class: 'tools'}, filter, h('label', {}, trouble, ' only what isn’t well'), sorting, found),
        h('div', {class: 'card'}, list.whole, empty),
        pager,
    );

    function sortBy(key) {
        choice.reversed = choice.key === key && !choice.reversed;
        choice.key = key;
        choice.page = 0;
        render();
    }
    function turn(by) {
        choice.page += by;
        render();
        list.whole.focus();
    }
    filter.addEventListener('input', () => {
        choice.text = filter.value;
        choice.page = 0;
        render();
    });
    trouble.addEventListener('change', () => {
        choice.trouble = trouble.checked;
        choice.page = 0;
        render();
    });

    function chosen() {
        const text = choice.text.trim().toLowerCase();
        const left = items.filter(
            item => (!text || item.name.toLowerCase().includes(text)) && (!choice.trouble || item.trouble),
        );
        left.sort((a, b) => compare(a, b, choice.key) || compare(a, b, 'name'));
        return choice.reversed ? left.reverse() : left;
    }
    function render() {
        const left = chosen(),
            pages = Math.max(1, Math.ceil(left.length / PAGE));
        choice.page = Math.min(choice.page, pages - 1);
        const from = choice.page * PAGE;
        COLUMNS.forEach((column, i) =>
            setAttribute(
                list.heads[i],
                'aria-sort',
                column.key !== choice.key
                    ? null
                    : (column.key === 'name') === choice.reversed
                      ? 'descending'
                      : 'ascending',
            ),
        );
        sorting.value = choice.key;
        keyed(list.body, left.slice(from, from + PAGE), item => item.path, queueRow);
        sums.update(items);
        setText(
            found,
            left.length === items.length
                ? some(items.length, 'queue', 'queues')
                : `${full(left.length)} of ${some(items.length, 'queue', 'queues')}`,
        );
        setHidden(list.whole, left.length === 0);
        setHidden(empty, left.length > 0);
        setText(
            empty,
            items.length
                ? 'No queue matches.'
                : 'There is no queue yet. One appears here with its first job, or when its first worker starts.',
        );
        setHidden(pager, pages === 1);
        setText(
            place,
            `${full(from + 1)} – ${full(from + Math.min(PAGE, left.length - from))} of ${full(left.length)}`,
        );
        before.disabled = choice.page === 0;
        after.disabled = choice.page === pages - 1;
    }
    if (items.length) render();
    else setHidden(list.whole, true);
    return {
        title: 'Queues',
        element,
        async tick() {
            const queues = await allQueues();
            keepOnly(new Set(queues.map(queue => queue.path)));
            items = queues.map(sumUp);
            render();
        },
        // many queues are asked for less often: the list is made anew by the server no more often than this either
        period: () => (items.length > 200 ? 5000 : 2000),
        find: () => filter.focus(),
    };
}
