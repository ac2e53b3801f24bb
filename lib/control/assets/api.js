// SPDX-License-Identifier: MIT
// Requests to this server, and nothing else: the token, errors in one shape, and how the line is.

const KEY = 'weir.token';
const TIMEOUT_MS = 15000;

// What went wrong: status 0 where there was no answer at all.
export class Failure extends Error {
    constructor(status, code, message) {
        super(message);
        this.status = status;
        this.code = code;
    }
}

export function token() {
    return sessionStorage.getItem(KEY) || '';
}

export function setToken(text) {
    if (text) sessionStorage.setItem(KEY, text);
    else sessionStorage.removeItem(KEY);
}

// An address may bring the token as #token=…, which no browser sends anywhere. It is taken out of it at once.
export function takeTokenFromAddress() {
    const match = /^#token=(.*)$/.exec(location.hash);
    if (!match) return;
    try {
        setToken(decodeURIComponent(match[1]));
    } catch {
        setToken(match[1]);
    }
    history.replaceState(null, '', location.pathname + location.search + '#/');
}

async function failureOf(response) {
    let error = null;
    try {
        error = (await response.json()).error;
    } catch {
        /* not ours: something in between answered */
    }
    const code = error && typeof error.code === 'string' ? error.code : 'http';
    const message = error && typeof error.message === 'string' ? error.message : '';
    return new Failure(response.status, code, message || `The server answered with ${response.status}.`);
}

async function request(method, path, body, signal) {
    const headers = {Accept: 'application/json'};
    if (token()) headers.Authorization = `Bearer ${token()}`;
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    return fetch(path, {
        method,
        headers,
        signal,
        body: body === undefined ? undefined : JSON.stringify(body),
        cache: 'no-store',
        credentials: 'omit',
        mode: 'same-origin',
        redirect: 'error',
        referrerPolicy: 'no-referrer',
    });
}

// The answer's JSON; throws a Failure.
async function call(method, path, body) {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
    try {
        const response = await request(method, path, body, abort.signal);
        if (!response.ok) throw await failureOf(response);
        return await response.json();
    } catch (error) {
        if (error instanceof Failure) throw error;
        throw new Failure(
            0,
            'offline',
            abort.signal.aborted ? 'The server took too long to answer.' : 'There is no answer from the server.',
        );
    } finally {
        clearTimeout(timer);
    }
}

export const get = path => call('GET', path);
export const post = (path, body = {}) => call('POST', path, body);
export const remove = path => call('DELETE', path);

// "a=1&b=2" of what is set. Values that are paths are percent-encoded already and go in as they are.
export function query(values, encoded = {}) {
    const parts = [];
    for (const [name, value] of Object.entries(values))
        if (value !== null && value !== undefined && value !== '') parts.push(`${name}=${encodeURIComponent(value)}`);
    for (const [name, value] of Object.entries(encoded)) if (value) parts.push(`${name}=${value}`);
    return parts.length ? `?${parts.join('&')}` : '';
}

export const queueAt = path => `api/queues/${path}`;

// Every page of the list of queues.
export async function allQueues() {
    const queues = [];
    let after = null,
        page;
    do {
        page = await get('api/queues' + query({count: 1000, after}));
        queues.push(...page.items);
        after = page.next;
    } while (after !== null);
    return queues;
}
