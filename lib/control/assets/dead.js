// SPDX-License-Identifier: MIT
// Dead letters: looked at a page at a time, newest first, put back or deleted one by one, as chosen, or all of them.
import {get, post, query, queueAt, remove} from './api.js';
import {ask, progress, show} from './dialog.js';
import {h, keyed, row, say, setHidden, setText, table} from './dom.js';
import {summary} from './delayed.js';
import {ago, full, line, some, time} from './format.js';
import {facts, fieldsTable} from './job.js';
import {pages, staleLine} from './pages.js';
import {server} from './server.js';

const PAGE = 50;
const STEP = 1000;
const SURELY = 1000; // so many are deleted only once a word has been typed

const COLUMNS = [
    {title: 'Select', class: 'pick', quiet: true},
    {title: 'Job', class: 'name'},
    {title: 'Died', class: 'n'},
    {title: 'Reason'},
    {title: 'Error', class: 'wide'},
    {title: 'Fields', class: 'wide'},
    {title: 'Actions', class: 'acts', quiet: true},
];

// What the reasons mean, and what it takes to mend them.
const REASONS = {
    'exhausted': 'Its handler failed as often as it may (max_attempts). Mend what the error says, then requeue it.',
    'crashed':
        'It was handed out again and again and never answered: it probably kills its worker, or hangs it. Requeue ' +
        'it only with a worker that can take it; else delete it.',
    'rejected': 'Its handler said that it can never work. Delete it, or requeue it once the handler knows better.',
    'undecodable': 'Its fields are not what the worker expects. Requeue it once worker and producer agree.',
    'payload lost': 'Its entry was deleted while it was pending: nothing is left to run. Delete it.',
    'orphaned': 'A delayed job had lost its due time, and was moved here to be found. Requeue it if it should run.',
};

export function deadTab(path, parameters, refresh, queueName) {
    const base = `${queueAt(path)}/dead`;
    const chosen = new Map(); // id → letter; over several pages
    const list = table('Dead letters', COLUMNS, 'cards dead');
    const all = h('input', {
        'type': 'checkbox',
        'aria-label': 'Select all on this page',
        'onchange': () => chooseAll(all.checked),
    });
    list.heads[0].replaceChildren(all);
    const empty = h('p', {class: 'empty'}, 'There are no dead letters. ');
    const pager = pages(() => reload(), ['Newer', 'Older']);
    const stale = staleLine(() => {
        pager.jump(null);
        reload();
    });
    const jump = h('input', {type: 'datetime-local', step: '1', id: 'jump', onchange: jumpTo});
    const picked = h('span', {class: 'picked'});
    const some1 = [
        button('Requeue', () => requeue([...chosen.keys()])),
        button('Delete', () => drop([...chosen.keys()]), 'danger quiet'),
    ];
    const every = [button('Requeue all…', requeueAll), button('Delete all…', deleteAll, 'danger quiet')];
    const element = h(
        'div',
        {},
        stale,
        h(
            'div',
            {class: 'tools'},
            picked,
            some1,
            h('span', {class: 'gap'}),
            every,
            h('label', {class: 'jump'}, 'Died before ', jump),
        ),
        h('div', {class: 'card'}, list.whole, empty),
        pager.element,
    );
    let items = [],
        loaded = null,
        now = 0,
        count = 0;

    function button(title, act, kind) {
        return h(
            'button',
            {type: 'button', class: kind, onclick: act, title: server.write ? null : 'Only with a token'},
            title,
        );
    }
    function tools() {
        setText(picked, chosen.size ? `${full(chosen.size)} selected` : 'None selected');
        for (const one of some1) one.disabled = !server.write || !chosen.size;
        for (const one of every) one.disabled = !server.write || !count;
        const here = items.filter(letter => chosen.has(letter.id)).length;
        all.checked = here > 0 && here === items.length;
        all.indeterminate = here > 0 && here < items.length;
    }
    function choose(letter, on) {
        if (!on) chosen.delete(letter.id);
        else if (chosen.size < STEP) chosen.set(letter.id, letter);
        else say(`At most ${full(STEP)} can be selected.`);
        tools();
    }
    function chooseAll(on) {
        for (const letter of items) choose(letter, on);
        for (const one of list.body.children) one.tick();
    }
    async function jumpTo() {
        const at = new Date(jump.value).getTime();
        pager.jump(Number.isNaN(at) ? null : String(at));
        await reload();
    }
    async function reload() {
        loaded = null;
        await refresh();
    }

    // --- what can be done ---

    const told = (n, failed, verb) => {
        const words = `${some(n, 'job was', 'jobs were')} ${verb}.`;
        const gone = failed.filter(one => one.code === 'not_found').length,
            left = failed.filter(one => one.code !== 'not_found');
        return (
            words +
            (gone ? ` ${full(gone)} had gone already.` : '') +
            (left.length ? ` ${full(left.length)} could not be: ${left[0].message}` : '')
        );
    };
    async function perform(request, verb) {
        try {
            const answer = await request();
            say(told(answer.count, answer.failed || [], verb));
        } catch (error) {
            say(error.status === 404 ? 'It has gone: somebody else has requeued or deleted it.' : error.message);
        }
        chosen.clear();
        await reload();
    }
    async function requeue(ids) {
        const one = ids.length === 1;
        if (
            await ask({
                title: one ? 'Requeue this job?' : `Requeue ${full(ids.length)} jobs?`,
                action: 'Requeue',
                text: [
                    `${one ? 'It goes back and runs' : 'They go back and run'} again, with all attempts ahead. ` +
                        'Once a worker has it, that can’t be taken back.',
                ],
            })
        )
            await perform(() => (one ? post(`${base}/${ids[0]}/requeue`) : post(`${base}/requeue`, {ids})), 'requeued');
    }
    async function drop(ids) {
        const one = ids.length === 1;
        if (
            await ask({
                title: one ? 'Delete this job for good?' : `Delete ${full(ids.length)} jobs for good?`,
                action: 'Delete',
                danger: true,
                text: [`${one ? 'It is' : 'They are'} kept nowhere else. That can’t be undone.`],
            })
        )
            await perform(() => (one ? remove(`${base}/${ids[0]}`) : post(`${base}/delete`, {ids})), 'deleted');
    }
    // All that are there now, in steps that are short for everybody else.
    async function overAll(how, verb, question) {
        let total, upTo;
        try {
            const newest = await get(base + query({order: 'newest', count: 1}));
            total = newest.total;
            upTo = newest.items.length ? newest.items[0].id : null;
        } catch (error) {
            say(error.message);
            return;
        }
        if (upTo === null || !(await ask(question(total)))) return;
        let after,
            done = 0,
            failed = [],
            finished = false;
        try {
            await progress({
                title: how === 'delete' ? 'Deleting' : 'Requeueing',
                total,
                step: async () => {
                    if (finished) return null;
                    const answer = await post(`${base}/${how}`, {
                        all: true,
                        up_to: upTo,
                        count: STEP,
                        ...(after ? {after} : {}),
                    });
                    done += answer.count;
                    failed = failed.concat(answer.failed).slice(0, STEP);
                    after = answer.next;
                    finished = after === null;
                    return done + failed.length;
                },
            });
            say(told(done, failed, verb));
        } catch (error) {
            say(`${told(done, failed, verb)} Then: ${error.message}`);
        }
        chosen.clear();
        pager.jump(null);
        await reload();
    }
    function requeueAll() {
        return overAll('requeue', 'requeued', total => ({
            title: `Requeue all ${some(total, 'dead job', 'dead jobs')}?`,
            action: 'Requeue all',
            text: [
                `They go back into ${queueName.textContent} and run again, with all attempts ahead. If what killed ` +
                    'them isn’t mended, they come back here.',
            ],
            typed: total >= SURELY ? 'requeue' : null,
        }));
    }
    function deleteAll() {
        return overAll('delete', 'deleted', total => ({
            title: `Delete all ${some(total, 'dead job', 'dead jobs')} for good?`,
            danger: true,
            action: 'Delete all',
            text: ['They are kept nowhere else. That can’t be undone.'],
            typed: total >= SURELY ? 'delete' : null,
        }));
    }

    // --- the list ---

    function showLetter(letter, whole) {
        const reason = line(letter.reason);
        const more = whole
            ? null
            : async () => {
                  try {
                      showLetter(await get(`${base}/${letter.id}`), true);
                  } catch (error) {
                      say(error.message);
                  }
              };
        const actions = h(
            'div',
            {class: 'buttons'},
            h('button', {type: 'button', disabled: !server.write, onclick: () => close(requeue)}, 'Requeue'),
            h(
                'button',
                {type: 'button', class: 'danger quiet', disabled: !server.write, onclick: () => close(drop)},
                'Delete',
            ),
        );
        const close = act => {
            document.getElementById('show').close();
            act([letter.id]);
        };
        show(
            `Dead job ${line(letter.job_id)}`,
            h(
                'p',
                {},
                h('span', {class: 'badge error'}, reason),
                ' ',
                REASONS[reason] || 'Somebody else wrote it here.',
            ),
            line(letter.error) ? h('pre', {class: 'error'}, line(letter.error)) : null,
            facts([
                ['Died', time(letter.died_ms)],
                ['First enqueued', time(letter.first_enqueued_ms)],
                ['Failed runs', full(letter.attempts)],
                ['Handed out', letter.deliveries === 1 ? 'once' : `${full(letter.deliveries)} times`],
                ['Group', line(letter.group)],
                ['Letter', letter.id],
                ['Entry', line(letter.entry_id)],
                ['Trace', letter.traceparent],
            ]),
            fieldsTable(letter, more),
            actions,
        );
    }
    function letterRow(letter) {
        const name = line(letter.job_id),
            hint = server.write ? null : 'Only with a token';
        const pick = h('input', {
            'type': 'checkbox',
            'aria-label': `Select ${name}`,
            'onchange': () => choose(letter, pick.checked),
        });
        const died = h('td', {title: time(letter.died_ms)});
        const error = line(letter.error),
            fields = summary(letter);
        const element = row(COLUMNS, [
            h('td', {}, pick),
            h(
                'th',
                {scope: 'row'},
                h('button', {type: 'button', class: 'link mono', onclick: () => showLetter(letter)}, name),
            ),
            died,
            h('td', {}, h('span', {class: 'badge reason'}, line(letter.reason))),
            h('td', {title: error}, error),
            h('td', {title: fields}, fields),
            h(
                'td',
                {},
                h(
                    'button',
                    {
                        'type': 'button',
                        'disabled': !server.write,
                        'title': hint,
                        'aria-label': `Requeue ${name}`,
                        'onclick': () => requeue([letter.id]),
                    },
                    'Requeue',
                ),
                h(
                    'button',
                    {
                        'type': 'button',
                        'disabled': !server.write,
                        'title': hint,
                        'class': 'danger quiet',
                        'aria-label': `Delete ${name}`,
                        'onclick': () => drop([letter.id]),
                    },
                    'Delete',
                ),
            ),
        ]);
        element.tick = () => {
            setText(died, ago(Math.max(0, now - letter.died_ms)));
            pick.checked = chosen.has(letter.id);
        };
        element.update = element.tick;
        return element;
    }
    return {
        element,
        update(queue) {
            now = queue.now_ms;
            count = queue.dead;
            for (const one of list.body.children) one.tick();
            if (loaded !== null)
                stale.tell(
                    queue.dead === loaded
                        ? ''
                        : queue.dead > loaded
                          ? `${some(queue.dead - loaded, 'job has', 'jobs have')} died since this list was made.`
                          : `There are ${some(queue.dead, 'dead letter', 'dead letters')} now.`,
                );
            tools();
        },
        async load() {
            if (loaded !== null) return;
            const page = await get(base + query({order: 'newest', count: PAGE, after: pager.after}));
            loaded = count = page.total;
            items = page.items;
            stale.tell('');
            keyed(list.body, items, letter => letter.id, letterRow);
            setHidden(list.whole, !items.length);
            setHidden(empty, items.length > 0);
            setText(empty, page.total ? 'None that old.' : 'There are no dead letters.');
            pager.set(page.next);
            tools();
        },
    };
}
