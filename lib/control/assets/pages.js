// SPDX-License-Identifier: MIT
// Leafing through a list that is handed out by cursors: forth by `next`, back by where one came from.
import {h, setHidden, setText} from './dom.js';

// reload(): called once `after` has changed. titles: of the two buttons.
export function pages(reload, titles) {
    let back = [],
        next = null,
        shown = 0;
    const previous = h(
        'button',
        {
            type: 'button',
            onclick: () =>
                move(() => {
                    pager.after = back.pop();
                    shown = Math.max(0, shown - 1);
                }),
        },
        titles[0],
    );
    const following = h(
        'button',
        {
            type: 'button',
            onclick: () =>
                move(() => {
                    back.push(pager.after);
                    pager.after = next;
                    shown++;
                }),
        },
        titles[1],
    );
    const place = h('span', {});
    const element = h('nav', {'class': 'pager', 'aria-label': 'Pages'}, previous, place, following);

    async function move(change) {
        previous.disabled = following.disabled = true;
        change();
        await reload();
    }
    const pager = {
        element,
        after: null,
        // What the page that is shown is followed by.
        set(cursor) {
            next = cursor;
            previous.disabled = !back.length;
            following.disabled = next === null;
            setHidden(element, !back.length && next === null);
            setText(place, `page ${shown + 1}`);
        },
        // From `after` on, with nothing before it to go back to.
        jump(after) {
            back = after === null ? [] : [null];
            shown = back.length;
            pager.after = after;
        },
    };
    return pager;
}

// A line that says that a list is no longer what is shown, since one that moved by itself would be clicked wrongly.
export function staleLine(reload) {
    const text = h('span', {});
    const element = h(
        'p',
        {class: 'stale', hidden: true},
        text,
        ' ',
        h('button', {type: 'button', onclick: reload}, 'Show'),
    );
    element.tell = words => {
        setText(text, words);
        setHidden(element, !words);
    };
    return element;
}
