// SPDX-License-Identifier: MIT
// Questions before what can't be undone, progress of what takes long, and things shown at length.
import {h, setText} from './dom.js';
import {full} from './format.js';

const byId = id => document.getElementById(id);

// ask({title, text: [...], action, danger, typed}): whether the answer was yes. typed: a word to be typed first.
// The browser gives the focus back to where it was.
export function ask({title, text, action, danger, typed}) {
    const dialog = byId('ask'),
        yes = byId('ask-yes'),
        no = byId('ask-no');
    setText(byId('ask-title'), title);
    setText(yes, action);
    yes.className = danger ? 'danger' : 'primary';
    yes.disabled = Boolean(typed);
    no.hidden = false;
    const body = text.map(paragraph => h('p', {}, paragraph));
    let first = danger ? no : yes;
    if (typed) {
        first = h('input', {
            type: 'text',
            autocomplete: 'off',
            spellcheck: 'false',
            id: 'ask-typed',
            oninput: event => {
                yes.disabled = event.target.value.trim() !== typed;
            },
            onkeydown: event => {
                if (event.key === 'Enter' && yes.disabled) event.preventDefault();
            },
        });
        body.push(h('label', {}, 'To be sure, type ', h('b', {}, typed), ': ', first));
    }
    byId('ask-body').replaceChildren(...body);
    dialog.returnValue = 'no';
    dialog.showModal();
    first.focus();
    return new Promise(resolve => {
        dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes' && !yes.disabled), {once: true});
    });
}

// Enter in a field would press the first button, which is the one that cancels.
byId('ask').addEventListener('keydown', event => {
    if (event.key !== 'Enter' || event.target.tagName !== 'INPUT') return;
    event.preventDefault();
    if (!byId('ask-yes').disabled) byId('ask-yes').click();
});

// Calls step() until it returns null; each time it returns how many are done by now. *Stop* ends it after a step.
export async function progress({title, total, step}) {
    const dialog = byId('ask'),
        yes = byId('ask-yes');
    const bar = h('progress', {'max': Math.max(total, 1), 'value': 0, 'aria-label': title}),
        text = h('p', {}, 'Starting');
    let stopped = false;
    setText(byId('ask-title'), title);
    byId('ask-body').replaceChildren(bar, text);
    setText(yes, 'Stop');
    yes.className = '';
    yes.disabled = false;
    byId('ask-no').hidden = true;
    dialog.showModal();
    dialog.addEventListener(
        'close',
        () => {
            stopped = true;
        },
        {once: true},
    );
    let finished;
    try {
        for (let done = await step(); done !== null && !stopped; done = await step()) {
            bar.value = done;
            setText(text, `${full(done)} of ${full(Math.max(total, done))}`);
        }
        finished = !stopped;
    } finally {
        if (dialog.open) dialog.close('done');
    }
    return finished;
}

export function show(title, ...content) {
    const dialog = byId('show');
    setText(byId('show-title'), title);
    byId('show-body').replaceChildren(...content);
    if (!dialog.open) dialog.showModal();
    byId('show-close').focus();
}

byId('show-close').addEventListener('click', () => byId('show').close());
