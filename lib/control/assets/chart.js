// SPDX-License-Identifier: MIT
// Small drawings: a sparkline for a table's cell, and a plot over time with axes, a legend and a reading under the
// pointer. Points are {t, y}; y null leaves a gap.
import {h, svg, setText, setAttribute} from './dom.js';
import {span} from './format.js';

const WIDTH = 600,
    HEIGHT = 150;

// 1, 2 or 5 times a power of ten, the first that is not below.
export function nice(most) {
    if (!(most > 0)) return 1;
    const power = 10 ** Math.floor(Math.log10(most));
    return [1, 2, 5, 10].map(step => step * power).find(step => step >= most * 0.999);
}

const SECOND = 1000,
    MINUTE = 60 * SECOND,
    HOUR = 60 * MINUTE;
const SPANS = [
    [10, 20, 30, 60].map(n => n * SECOND),
    [2, 4, 10, 20, 30, 60].map(n => n * MINUTE),
    [2, 4, 12, 24].map(n => n * HOUR),
].flat();

// The same for milliseconds: half of it is a round time, too.
export const niceSpan = most =>
    most <= 10 * SECOND ? nice(most) : SPANS.find(step => step >= most) || 24 * HOUR * nice(most / 24 / HOUR);

// An SVG path through the points; each gap begins a new line.
function path(points, x, y) {
    let drawn = '',
        pen = false;
    for (const point of points) {
        if (point.y !== null && point.y !== undefined)
            drawn += `${pen ? 'L' : 'M'}${x(point.t).toFixed(1)} ${y(point.y).toFixed(1)}`;
        pen = point.y !== null && point.y !== undefined;
    }
    return drawn;
}

const most = points => points.reduce((max, point) => (point.y > max ? point.y : max), 0);

// update(points, from, to): a line of 96 by 24.
export function sparkline(kind) {
    const area = svg('path', {class: 'area'}),
        line = svg('path', {class: 'line'});
    const element = svg('svg', {'class': `spark ${kind}`, 'viewBox': '0 0 96 24', 'aria-hidden': 'true'}, area, line);
    element.update = (points, from, to) => {
        const top = Math.max(most(points), 1e-9);
        setAttribute(element, 'class', `spark ${kind}${most(points) ? '' : ' flat'}`);
        const x = t => ((t - from) / (to - from)) * 96,
            y = value => 22.5 - (value / top) * 20;
        const shown = points.filter(point => point.y !== null);
        const drawn = path(points, x, y);
        setAttribute(line, 'd', drawn);
        setAttribute(
            area,
            'd',
            shown.length > 1 && drawn
                ? `${path(shown, x, y)}L${x(shown[shown.length - 1].t).toFixed(1)} 24L${x(shown[0].t).toFixed(1)} 24Z`
                : '',
        );
    };
    return element;
}

// plot({title, series: [{name, label, class}], format, ceil}): element.update(data, from, to), data by series' name.
export function plot({title, series, format, ceil = nice}) {
    const lines = series.map(s => svg('path', {class: `line ${s.class}`}));
    const cursor = svg('path', {class: 'cursor'});
    const drawing = svg(
        'svg',
        {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img'},
        svg('path', {class: 'grid', d: `M0 .5H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT - 0.5}H${WIDTH}`}),
        ...lines,
        cursor,
    );
    const top = h('span', {}),
        middle = h('span', {}),
        when = h('span', {class: 'when'}),
        start = h('span', {});
    const values = series.map(() => h('b', {}));
    const legend = h(
        'ul',
        {class: 'legend'},
        series.map((s, i) =>
            h('li', {}, h('span', {'class': `key ${s.class}`, 'aria-hidden': 'true'}), s.label, ' ', values[i]),
        ),
        h('li', {}, when),
    );
    const element = h(
        'figure',
        {class: 'plot'},
        h('figcaption', {}, title),
        legend,
        h(
            'div',
            {class: 'frame'},
            h('div', {'class': 'axis', 'aria-hidden': 'true'}, top, middle, h('span', {}, '0')),
            drawing,
        ),
        h('div', {'class': 'ends', 'aria-hidden': 'true'}, start, h('span', {}, 'now')),
    );
    let shown = null,
        pointed = null;

    // What the legend says: the values under the pointer, else the last ones.
    function read() {
        const {data, from, to} = shown;
        const at = pointed === null ? to : from + pointed * (to - from);
        series.forEach((s, i) => {
            const points = data[s.name] || [];
            const point =
                pointed === null
                    ? points[points.length - 1]
                    : points.reduce(
                          (best, p) => (best === null || Math.abs(p.t - at) < Math.abs(best.t - at) ? p : best),
                          null,
                      );
            setText(values[i], point && point.y !== null ? format(point.y) : '–');
        });
        setText(when, pointed === null ? '' : `${Math.round((to - at) / 1000)} s ago`);
        setAttribute(cursor, 'd', pointed === null ? '' : `M${(pointed * WIDTH).toFixed(1)} 0V${HEIGHT}`);
    }
    drawing.addEventListener('pointermove', event => {
        const box = drawing.getBoundingClientRect();
        pointed = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
        if (shown) read();
    });
    drawing.addEventListener('pointerleave', () => {
        pointed = null;
        if (shown) read();
    });
    element.update = (data, from, to) => {
        shown = {data, from, to};
        const ceiling = ceil(Math.max(0, ...series.map(s => most(data[s.name] || []))));
        const x = t => ((t - from) / (to - from)) * WIDTH,
            y = value => HEIGHT - 1 - (value / ceiling) * (HEIGHT - 4);
        series.forEach((s, i) => setAttribute(lines[i], 'd', path(data[s.name] || [], x, y)));
        setText(top, format(ceiling));
        setText(middle, format(ceiling / 2));
        setText(start, `${span(Math.round((to - from) / SECOND) * SECOND)} ago`);
        read();
        setAttribute(
            drawing,
            'aria-label',
            `${title}, now: ` + series.map((s, i) => `${s.label} ${values[i].textContent}`).join(', '),
        );
    };
    return element;
}
