// SPDX-License-Identifier: MIT
// Numbers, times and bytes as people read them.

const whole = new Intl.NumberFormat('en');
const UNITS = [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e4, 'k', 1e3],
];

// 950, 12.3k, 4.5M: three digits that count.
export function short(n) {
    if (n === null || n === undefined) return '–';
    for (const [from, unit, by = from] of UNITS) if (n >= from) return `${trim(n / by)}${unit}`;
    return whole.format(Math.round(n));
}

export const full = n => (n === null || n === undefined ? 'not known' : whole.format(n));

function trim(n) {
    return n >= 100 ? String(Math.round(n)) : String(Math.round(n * 10) / 10);
}

// Things per second.
export function rate(n) {
    if (n === null || n === undefined) return '–';
    if (n === 0) return '0/s';
    if (n < 0.095) return `${trim(n * 60)}/min`;
    return n < 9.95 ? `${Math.round(n * 10) / 10}/s` : `${short(n)}/s`;
}

const SPANS = [
    [86400000, 'd', 3600000, 'h'],
    [3600000, 'h', 60000, 'min'],
    [60000, 'min', 1000, 's'],
];

// 480 µs, 35 ms, 1.2 s, 3 min 20 s, 2 h 5 min, 4 d 1 h
export function span(ms, parts = 2) {
    if (ms === null || ms === undefined) return '–';
    if (ms < 1) return ms > 0 ? `${Math.round(ms * 1000)} µs` : '0 ms';
    if (ms < 1000) return `${trim(ms < 10 ? ms : Math.round(ms))} ms`;
    for (const [size, unit, small, smallUnit] of SPANS) {
        if (ms < size) continue;
        const rest = Math.floor((ms % size) / small);
        return `${Math.floor(ms / size)} ${unit}${rest && parts > 1 && ms < 10 * size ? ` ${rest} ${smallUnit}` : ''}`;
    }
    return `${ms < 10000 ? trim(ms / 1000) : Math.floor(ms / 1000)} s`;
}

export const ago = ms => (ms < 1500 ? 'just now' : `${span(ms < 60000 ? Math.round(ms / 1000) * 1000 : ms, 1)} ago`);

const clock = new Intl.DateTimeFormat(undefined, {dateStyle: 'medium', timeStyle: 'medium'});

export function time(ms) {
    const date = new Date(ms);
    return ms === null || Number.isNaN(date.getTime()) ? 'not known' : clock.format(date);
}

export function size(bytes) {
    const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
    let unit = 0;
    while (bytes >= 1024 && unit < units.length - 1) {
        bytes /= 1024;
        unit++;
    }
    return `${trim(bytes)} ${units[unit]}`;
}

export const some = (n, one, many) => `${full(n)} ${n === 1 ? one : many}`;

// --- bytes: a string, or {base64, msgpack, size, truncated} ---

function raw(bytes) {
    return Uint8Array.from(atob(bytes.base64), c => c.charCodeAt(0));
}

function decoded(bytes) {
    try {
        return new TextDecoder('utf-8', {fatal: true}).decode(raw(bytes));
    } catch {
        return null;
    }
}

const ESCAPES = {'\n': '\\n', '\r': '\\r', '\t': '\\t'};
const visible = text =>
    text.replace(
        /[\u0000-\u001f\u007f-\u009f]/g,
        c => ESCAPES[c] || `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
    );

// In one line: what isn't text as \xff.
export function line(bytes) {
    if (bytes === null || bytes === undefined) return '';
    if (typeof bytes === 'string') return visible(bytes);
    if (bytes.msgpack !== null) return bytes.msgpack;
    const text = decoded(bytes);
    const shown =
        text !== null
            ? visible(text)
            : [...raw(bytes)]
                  .map(b => (b >= 32 && b < 127 ? String.fromCharCode(b) : `\\x${b.toString(16).padStart(2, '0')}`))
                  .join('');
    return shown + (bytes.truncated ? '…' : '');
}

// At length: {kind, text}; kind is '' for plain text.
export function block(bytes) {
    if (typeof bytes === 'string') return {kind: '', text: bytes};
    const part = bytes.truncated ? `, the first ${size(raw(bytes).length)} of ${size(bytes.size)}` : '';
    if (bytes.msgpack !== null) return {kind: `msgpack, ${size(bytes.size)}`, text: indent(bytes.msgpack)};
    const text = decoded(bytes);
    if (text !== null) return {kind: `text${part}`, text};
    return {kind: `binary, ${size(bytes.size)}${part}`, text: dump(raw(bytes))};
}

// JSON over several lines, without reading its numbers, which may be larger than ours.
export function indent(json) {
    let depth = 0,
        out = '';
    const newline = () => '\n' + '  '.repeat(depth);
    for (const [part] of json.matchAll(/"(?:[^"\\]|\\.)*"|\[\s*\]|\{\s*\}|[[\]{},:]|[^\s"[\]{},:]+/g)) {
        if (part === '[' || part === '{') {
            depth++;
            out += part + newline();
        } else if (part === ']' || part === '}') {
            depth--;
            out += newline() + part;
        } else if (part === ',') {
            out += part + newline();
        } else {
            out += part === ':' ? ': ' : part;
        }
    }
    return out;
}

function dump(bytes) {
    const lines = [];
    for (let at = 0; at < bytes.length; at += 16) {
        const some = [...bytes.slice(at, at + 16)];
        const hex = some.map(b => b.toString(16).padStart(2, '0')).join(' ');
        const text = some.map(b => (b >= 32 && b < 127 ? String.fromCharCode(b) : '.')).join('');
        lines.push(`${at.toString(16).padStart(4, '0')}  ${hex.padEnd(47)}  ${text}`);
    }
    return lines.join('\n');
}
