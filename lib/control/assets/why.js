// SPDX-License-Identifier: MIT
// Why a queue isn't moving: what the server found, in its own words, with something to do about it beside.
import {announce, h, keyed, setHidden, setText} from './dom.js';
import {rate} from './format.js';

// Short names for the list. The sentence is in the finding.
const BADGES = {
    'paused': 'paused',
    'full': 'Redis is full',
    'memory': 'Redis nearly full',
    'no worker': 'no worker',
    'no group': 'no worker yet',
    'pending stuck': 'worker gone',
    'slow handler': 'too slow',
    'not reading': 'not reading',
    'poison job': 'poison job',
    'overdue': 'overdue',
    'replica': 'read-only',
    'writes fail': 'disk trouble',
    'wrong type': 'wrong type',
};

// Dead letters and settings that could be better keep no queue from moving.
const QUIET = new Set([
    'dead letters',
    'no aof',
    'fsync',
    'failover',
    'unseen',
    'window eviction',
    'no persistence',
    'eviction',
]);

const stops = finding => !QUIET.has(finding.name);

export const isTrouble = queue => Boolean(queue.error) || queue.paused || queue.findings.some(stops);

const kindOf = finding => (finding.name === 'paused' ? 'paused' : finding.severity);

export function badgesOf(queue, finished) {
    if (queue.error) return [{text: 'unreadable', kind: 'error', hint: queue.error.message}];
    const found = queue.findings.filter(stops).map(finding => ({
        text: BADGES[finding.name] || finding.name,
        kind: kindOf(finding),
        hint: `${finding.text} ${finding.fix}`,
    }));
    if (found.length) return found;
    const moving = finished > 0 || queue.groups.some(group => group.pending > 0);
    return [
        moving
            ? {text: 'moving', kind: 'ok', hint: 'Jobs are being finished.'}
            : {text: 'idle', kind: 'idle', hint: 'There is nothing to do.'},
    ];
}

const WORDS = {error: 'Stopped', warning: 'Look at this', notice: 'Good to know', paused: 'Paused', ok: 'All is well'};

function finding(first) {
    const label = h('strong', {class: 'label'}),
        text = h('p', {}),
        fix = h('p', {class: 'fix'}),
        actions = h('div', {class: 'acts'});
    const element = h('li', {class: `finding ${kindOf(first)}`}, label, h('div', {}, text, fix), actions);
    element.update = item => {
        element.className = `finding ${kindOf(item)}`;
        setText(label, WORDS[kindOf(item)] || item.severity);
        setText(text, item.extra ? `${item.text} ${item.extra}` : item.text);
        setText(fix, item.fix);
        setHidden(fix, !item.fix);
        keyed(
            actions,
            item.actions || [],
            action => action.text,
            action =>
                h(
                    'button',
                    {type: 'button', onclick: action.act, disabled: action.disabled, title: action.hint},
                    action.text,
                ),
        );
    };
    return element;
}

// update(queue, speeds, actionsOf): actionsOf(finding) gives [{text, act, disabled, hint}].
export function whyPanel() {
    const list = h('ul', {class: 'findings', role: 'list'});
    const element = h('section', {'class': 'why', 'aria-label': 'Is it moving?'}, list);
    let told = null;
    element.update = (queue, speeds, actionsOf) => {
        const found = queue.findings.map(item => ({...item, extra: compare(item, speeds), actions: actionsOf(item)}));
        if (queue.error) found.unshift({name: 'error', severity: 'error', text: queue.error.message, fix: ''});
        if (!queue.error && !queue.findings.some(stops))
            found.unshift({name: 'ok', severity: 'ok', text: well(queue, speeds), fix: ''});
        found.forEach((item, i) => {
            item.key = `${item.name} ${found.slice(0, i).filter(f => f.name === item.name).length}`;
        });
        keyed(list, found, item => item.key, finding);
        // numbers change with each look, which nobody wants to be read aloud: only what is new is
        const names = found.map(item => item.name).join();
        if (told !== null && told !== names && found[0]) announce(found[0].text);
        told = names;
    };
    return element;
}

function compare(item, speeds) {
    if (item.name !== 'slow handler' || speeds.added === null || speeds.finished === null) return '';
    return `In the last seconds ${rate(speeds.added)} came in and ${rate(speeds.finished)} were finished.`;
}

function well(queue, speeds) {
    if (!queue.exists && !queue.delayed)
        return 'Nothing is known of this queue. It appears with its first job, or when its first worker starts.';
    const waiting = queue.groups.some(group => group.waiting > 0 || group.pending > 0);
    if (waiting) return 'Jobs are being worked off.';
    if (speeds.finished > 0) return 'Jobs are being worked off as they come.';
    return queue.delayed
        ? 'Nothing waits. There are delayed jobs, which come when they are due.'
        : 'Nothing waits: there is nothing to do.';
}
