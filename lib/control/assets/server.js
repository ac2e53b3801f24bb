// SPDX-License-Identifier: MIT
// What the server has said of itself: what may be done, and how its Redis is.
import {get} from './api.js';
import {h, keyed, setText} from './dom.js';
import {size} from './format.js';

// write: null until it is known.
export const server = {write: null, known: null};

export async function askServer() {
    server.known = await get('api/server');
    server.write = server.known.write;
}

// One line in the head of the page.
export function whereText() {
    const known = server.known;
    if (!known) return '';
    const redis = known.redis;
    if (!redis) return 'Redis is away';
    const limit = redis.max_memory ? ` of ${size(redis.max_memory)}` : '';
    return `Redis ${redis.version}, ${size(redis.used_memory)}${limit}`;
}

const BANNERS = new Set(['full', 'memory', 'replica', 'writes fail', 'eviction', 'old server']);

// What is wrong with the whole of it, at the top of each page. extra: of the line to it.
export function renderBanners(extra) {
    const banners = [...extra];
    if (server.known && !extra.length) {
        if (server.known.trouble)
            banners.push({
                name: 'redis',
                severity: 'error',
                text: `Redis is away: ${server.known.trouble}`,
                fix: 'It is tried again all the time.',
            });
        for (const finding of server.known.findings) if (BANNERS.has(finding.name)) banners.push(finding);
    }
    keyed(
        document.getElementById('banners'),
        banners,
        banner => banner.name,
        first => {
            const text = h('strong', {}),
                fix = h('span', {});
            const element = h('p', {role: first.name === 'line' ? 'alert' : null}, text, ' ', fix);
            element.update = banner => {
                element.className = `banner ${banner.severity}`;
                setText(text, banner.text);
                setText(fix, banner.fix || '');
            };
            return element;
        },
    );
}
