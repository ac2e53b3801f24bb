// SPDX-License-Identifier: MIT
// Building and updating the page. Text is only ever set as text: nothing that a job says becomes markup.

// h('td', {class: 'n', onclick: f, 'aria-label': 'x'}, child, 'text', null)
export function h(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
        if (value === null || value === undefined || value === false) continue;
        if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
        else element.setAttribute(name, value === true ? '' : value);
    }
    element.append(...children.flat().filter(child => child !== null && child !== undefined && child !== false));
    return element;
}

const SVG = 'http://www.w3.org/2000/svg';

export function svg(tag, attributes, ...children) {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
    element.append(...children);
    return element;
}

// These touch the page only where something changes, so that selections, focus and screen readers are left in peace.

export function setText(element, text) {
    if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element, name, value) {
    if (value === null || value === undefined || value === false) element.removeAttribute(name);
    else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value === true ? '' : value);
}

export function setHidden(element, hidden) {
    if (element.hidden !== hidden) element.hidden = hidden;
}

const FOCUSABLE = 'a[href], button:not([disabled]), input:not([disabled])';

// Where the row with the focus goes away: to the same control of the row that takes its place, or to the page's title.
function handFocusOn(row, others) {
    const controls = [...row.querySelectorAll(FOCUSABLE)];
    const place = controls.indexOf(document.activeElement);
    const next = others && others.querySelectorAll(FOCUSABLE);
    if (next && next.length) next[Math.max(0, Math.min(place, next.length - 1))].focus();
    else document.querySelector('main h1').focus();
}

// Makes the children of `parent` those of `items`, in order: each kept by its key, made by create(item), and told of
// changes by element.update(item), where it has that.
export function keyed(parent, items, keyOf, create) {
    const old = new Map();
    for (const child of parent.children) old.set(child.dataset.key, child);
    const wanted = new Set(items.map(item => String(keyOf(item))));
    for (const [key, child] of old) {
        if (wanted.has(key)) continue;
        let heir = child.nextElementSibling;
        while (heir && !wanted.has(heir.dataset.key)) heir = heir.nextElementSibling;
        if (child.contains(document.activeElement)) handFocusOn(child, heir || child.previousElementSibling);
        child.remove();
    }
    let at = parent.firstElementChild;
    for (const item of items) {
        const key = String(keyOf(item));
        let child = old.get(key);
        if (!child) {
            child = create(item);
            child.dataset.key = key;
        }
        if (child === at) at = at.nextElementSibling;
        else moveBefore(parent, child, at);
        if (child.update) child.update(item);
    }
}

// Moving an element takes the focus from it: it gets it back.
function moveBefore(parent, child, at) {
    const focused = child.contains(document.activeElement) ? document.activeElement : null;
    parent.insertBefore(child, at);
    if (focused) focused.focus({preventScroll: true});
}

// A table whose roles are spelt out, since on narrow screens its rows are laid out as cards. columns: [{title, class,
// sort}], where sort is called on a click of the head.
export function table(name, columns, classes) {
    const heads = columns.map(column => {
        const head = h('th', {scope: 'col', role: 'columnheader', class: column.class, title: column.hint});
        if (column.sort) head.append(h('button', {type: 'button', class: 'sort', onclick: column.sort}, column.title));
        else head.append(column.quiet ? h('span', {class: 'unseen'}, column.title) : column.title);
        return head;
    });
    const body = h('tbody', {role: 'rowgroup'});
    const whole = h(
        'table',
        {'class': classes, 'role': 'table', 'aria-label': name, 'tabindex': '-1'},
        h('thead', {role: 'rowgroup'}, h('tr', {role: 'row'}, heads)),
        body,
    );
    return {whole, heads, body};
}

// A row of a table, of its cells by title: what a card shows beside each value.
export function row(columns, cells) {
    cells.forEach((cell, i) => {
        cell.setAttribute('role', cell.tagName === 'TH' ? 'rowheader' : 'cell');
        if (columns[i].class) cell.classList.add(...columns[i].class.split(' '));
        if (columns[i].title && !columns[i].quiet) cell.dataset.title = columns[i].title;
    });
    return h('tr', {role: 'row'}, cells);
}

let clearing = 0;

// Tells screen readers alone, of what others see.
export const announce = text => setText(document.getElementById('news'), text);

// Says something in passing, to all.
export function say(text) {
    const status = document.getElementById('status');
    status.textContent = text;
    clearTimeout(clearing);
    clearing = setTimeout(() => {
        status.textContent = '';
    }, 8000);
}
