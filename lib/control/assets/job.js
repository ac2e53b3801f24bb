// SPDX-License-Identifier: MIT
// A job at length: what it carries and what became of it.
import {get, queueAt} from './api.js';
import {show} from './dialog.js';
import {h} from './dom.js';
import {block, full, line, time} from './format.js';

// A list of titles and values; what is null or empty is left out.
export function facts(pairs) {
    return h(
        'dl',
        {class: 'facts'},
        pairs
            .filter(([, value]) => value !== null && value !== undefined && value !== '')
            .map(([title, value]) =>
                h('div', {class: value.length > 40 ? 'whole' : null}, h('dt', {}, title), h('dd', {}, value)),
            ),
    );
}

function value(bytes) {
    const {kind, text} = block(bytes);
    return h(
        'td',
        {role: 'cell'},
        kind ? h('span', {class: 'kind'}, kind) : null,
        text === '' ? h('span', {class: 'quiet'}, 'empty') : h('pre', {tabindex: text.length > 600 ? '0' : null}, text),
    );
}

// The fields as a table. more: called by a button where something of them was left out.
export function fieldsTable(job, more) {
    if (!job.fields.length)
        return h(
            'p',
            {class: 'quiet'},
            job.reason === 'payload lost'
                ? 'Its fields are gone: the entry was deleted while it was pending.'
                : 'It has no fields.',
        );
    const cut = job.fields_left_out > 0 || job.fields.some(({value: v}) => typeof v === 'object' && v.truncated);
    const rest = [];
    if (job.fields_left_out > 0)
        rest.push(h('p', {class: 'quiet'}, `${full(job.fields_left_out)} more fields are not shown.`));
    if (cut && more) rest.push(h('button', {type: 'button', onclick: more}, 'Show it whole'));
    return h(
        'div',
        {},
        h(
            'table',
            {class: 'fields', role: 'table'},
            h('caption', {class: 'unseen'}, 'Fields'),
            h(
                'thead',
                {class: 'unseen'},
                h('tr', {}, h('th', {scope: 'col'}, 'Field'), h('th', {scope: 'col'}, 'Value')),
            ),
            h(
                'tbody',
                {},
                job.fields.map(field =>
                    h(
                        'tr',
                        {role: 'row'},
                        h('th', {scope: 'row', role: 'rowheader'}, line(field.name)),
                        value(field.value),
                    ),
                ),
            ),
        ),
        rest,
    );
}

// Where one has to leave for: the list is left alone behind the dialog.
export async function showJob(path, entry) {
    try {
        const job = await get(`${queueAt(path)}/jobs/${entry}`);
        show(
            `Job ${line(job.job_id)}`,
            facts([
                ['Entry', job.entry_id],
                ['First enqueued', time(job.first_enqueued_ms)],
                ['Failed runs so far', full(job.attempts)],
                ['Only for the group', line(job.group)],
                ['Trace', job.traceparent],
            ]),
            fieldsTable(job),
        );
    } catch (error) {
        show(
            `Job ${entry}`,
            h('p', {}, error.status === 404 ? 'It is gone: finished, or deleted, meanwhile.' : error.message),
        );
    }
}
