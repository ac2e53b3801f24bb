// SPDX-License-Identifier: MIT
// The whole: which page is shown, when it asks anew, how the line to the server is, and the token.
import {setToken, takeTokenFromAddress, token} from './api.js';
import {h, setAttribute, setText} from './dom.js';
import {span} from './format.js';
import {overview} from './overview.js';
import {queuePage} from './queue.js';
import {askServer, renderBanners, server, whereText} from './server.js';

const SERVER_MS = 4000,
    LONGEST_PAUSE_MS = 5000;

const main = document.getElementById('main');
const state = {view: null, timer: 0, turn: 0, asked: 0, failures: 0, lastGood: 0, trouble: null};

// --- which page ---

// #/ and #/q/QUEUE[/TAB][?consumer=NAME]; names stay percent-encoded.
function viewOf(hash) {
    const [place, parameters = ''] = hash.replace(/^#\/?/, '').split('?');
    const [kind, path, tab = ''] = place.split('/');
    const values = Object.fromEntries(
        parameters
            .split('&')
            .map(pair => pair.split('='))
            .filter(pair => pair.length === 2),
    );
    return kind === 'q' && path ? queuePage(path, tab, values, refresh) : overview();
}

function open(view) {
    state.view = view;
    document.title = view.title === 'Queues' ? 'weir' : `${view.title} – weir`;
    main.replaceChildren(view.element);
}

function navigate() {
    const before = location.hash;
    takeTokenFromAddress();
    const inTabs = document.activeElement && document.activeElement.closest('.tabs');
    open(viewOf(location.hash));
    const current = inTabs && main.querySelector('.tabs [aria-current]');
    (current || main.querySelector('h1') || main).focus({preventScroll: Boolean(current)});
    if (!current) window.scrollTo(0, 0);
    if (before !== location.hash) state.asked = 0;
    refresh();
}

// --- asking anew ---

function schedule(ms) {
    clearTimeout(state.timer);
    state.timer = setTimeout(refresh, ms);
}

// Asks for what the page shows; only the last call counts.
async function refresh() {
    const turn = ++state.turn,
        view = state.view;
    clearTimeout(state.timer);
    if (view.locked) return;
    try {
        if (Date.now() - state.asked >= SERVER_MS || server.write === null || state.failures) {
            await askServer();
            state.asked = Date.now();
        }
        if (turn === state.turn) await view.tick();
        if (turn === state.turn) good();
    } catch (error) {
        if (turn === state.turn) bad(error);
        if (!error.status && error.code !== 'offline') console.error(error);
    }
    if (turn === state.turn && !document.hidden)
        schedule(
            state.failures
                ? Math.min(LONGEST_PAUSE_MS, 500 * 2 ** Math.min(state.failures, 6))
                : view.period
                  ? view.period()
                  : 2000,
        );
}

function good() {
    state.failures = 0;
    state.trouble = null;
    state.lastGood = Date.now();
    line('on', 'live');
}

function bad(error) {
    if (error.status === 401) {
        line('wait', 'locked');
        state.trouble = null;
        open(unlock(token() ? 'This token is not the right one.' : ''));
        state.view.focus();
        return;
    }
    state.failures++;
    state.trouble = error;
    line('off', error.status ? 'trouble' : 'reconnecting');
}

// How the line is, in the head of the page and above it.
function line(kind, text) {
    setAttribute(document.getElementById('link'), 'data-state', kind);
    setText(document.getElementById('link-text'), text);
    setText(document.getElementById('where'), whereText());
    const extra = [];
    if (state.trouble) {
        const since = state.lastGood
            ? ` What is shown is ${span(Math.max(1000, Math.round((Date.now() - state.lastGood) / 1000) * 1000))} old.`
            : '';
        extra.push({
            name: 'line',
            severity: 'error',
            text: state.trouble.message,
            fix: `It is tried again all the time.${since}`,
        });
    }
    renderBanners(extra);
    document.body.classList.toggle('stalled', Boolean(state.trouble));
}

document.addEventListener('visibilitychange', () => {
    if (!document.hidden) refresh();
});

// --- the token ---

function unlock(wrong) {
    const field = h('input', {
        type: 'password',
        id: 'token',
        autocomplete: 'current-password',
        required: true,
        spellcheck: 'false',
    });
    const element = h(
        'form',
        {
            class: 'unlock card',
            onsubmit: event => {
                event.preventDefault();
                setToken(field.value.trim());
                navigate();
            },
        },
        h('h1', {tabindex: '-1'}, 'Token'),
        wrong ? h('p', {class: 'wrong', role: 'alert'}, wrong) : null,
        h(
            'p',
            {},
            'This server was started with a token. Whoever started it knows it. It is kept until this tab ' +
                'is closed, and sent to this server alone.',
        ),
        h('label', {for: 'token'}, 'Token'),
        h('div', {class: 'buttons'}, field, h('button', {type: 'submit', class: 'primary'}, 'Open')),
    );
    // locked: nothing is asked while a token is awaited
    return {title: 'Token', element, locked: true, focus: () => field.focus()};
}

// --- keys ---

document.addEventListener('keydown', event => {
    const typing = event.target.closest('input:not([type=checkbox]), select, textarea, dialog[open]');
    if (
        event.key === '/' &&
        !typing &&
        !event.ctrlKey &&
        !event.metaKey &&
        !event.altKey &&
        state.view &&
        state.view.find
    ) {
        event.preventDefault();
        state.view.find();
    }
});

window.addEventListener('hashchange', navigate);
navigate();
