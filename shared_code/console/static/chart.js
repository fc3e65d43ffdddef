// Charts of our own: stacked bars over days, each with a table of the same values. No library: two hundred lines less
// than the smallest would weigh, and every text in them is a text node.

import { el, put, svg } from "./dom.js";
import * as format from "./format.js";
import { table } from "./ui.js";

const HEIGHT = 210;
const LEFT = 52;
const BOTTOM = 22;
const TOP = 8;

/** A figure. days: ["2026-11-21"]; series: [{name, values: [number, one a day]}], the largest first, at most 8.
 *  show(value) writes one value; total(value) writes the sum beside the title. */
export function stackedDays({ title, days, series, show = format.number, note }) {
  const sums = days.map((_, index) => series.reduce((sum, { values }) => sum + values[index], 0));
  const drawing = el("div");
  const columns = [
    { title: "Day", value: (index) => format.day(days[index]) },
    ...series.map((one) => ({ title: one.name, numeric: true, value: (index) => show(one.values[index]) })),
    ...(series.length > 1 ? [{ title: "All", numeric: true, value: (index) => show(sums[index]) }] : []),
  ];
  const details = el("details", { on: { toggle: () => {
    if (details.open && details.children.length === 1) details.append(table(title, columns, days.map((_, index) => index)));
  } } }, el("summary", {}, "Table"));
  const figure = el("figure", { class: "chart" },
    el("figcaption", {}, el("strong", {}, title), note ? el("span", { class: "help" }, note) : null),
    drawing, series.length > 1 ? legend(series) : null, details);
  let width = 0;
  new ResizeObserver(([entry]) => {
    const now = Math.round(entry.contentRect.width);
    if (now === width || now === 0) return;
    width = now;
    put(drawing, draw(title, days, series, sums, show, width));
  }).observe(drawing);
  return figure;
}

function legend(series) {
  return el("ul", { class: "legend" }, series.map((one, index) =>
    el("li", {}, svg("svg", { viewBox: "0 0 10 10", "aria-hidden": "true" }, svg("rect", { width: 10, height: 10, rx: 2, class: `c${index + 1}` })), one.name)));
}

function draw(title, days, series, sums, show, width) {
  const { top, marks } = scale(Math.max(...sums, 0), sums.every(Number.isInteger));
  const inner = { width: width - LEFT, height: HEIGHT - BOTTOM - TOP };
  const step = inner.width / Math.max(days.length, 1);
  const gap = step > 6 ? Math.min(step * 0.2, 6) : 0;
  const y = (value) => TOP + inner.height * (1 - value / top);
  const root = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": `${title}, ${days.length} days; the values stand in the table` });
  for (const { value, text } of marks) {
    root.append(svg("line", { class: "grid", x1: LEFT, x2: width, y1: y(value), y2: y(value) }),
      svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, text));
  }
  const labels = Math.max(1, Math.ceil(days.length / Math.max(1, Math.floor(inner.width / 70))));
  days.forEach((day, index) => {
    const x = LEFT + index * step;
    let below = 0;
    series.forEach((one, place) => {
      const value = one.values[index];
      if (value <= 0) return;
      const height = Math.max((value / top) * inner.height, 0.5);
      root.append(svg("rect", { class: `c${place + 1}`, x: x + gap / 2, width: Math.max(step - gap, 0.7), y: y(below + value), height }));
      below += value;
    });
    if (index % labels === 0) root.append(svg("text", { x: x + step / 2, y: HEIGHT - 6, "text-anchor": "middle" }, format.shortDay(day)));
    root.append(svg("rect", { class: "hit", x, y: TOP, width: step, height: inner.height, on: {
      pointerenter: (event) => tip(event, day, series, index, sums[index], show), pointermove: follow, pointerleave: hideTip } }));
  });
  return root;
}

/** Up to six round marks, the highest at or above `most`; those of counts are whole numbers. */
function scale(most, whole) {
  const rough = Math.max(most, whole ? 1 : 1e-6) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = whole && rough <= 1 ? 1 : [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((value) => value >= rough && (!whole || Number.isInteger(value)));
  const places = (String(Number(step.toPrecision(3))).split(".")[1] ?? "").length;
  const count = Math.max(1, Math.ceil(most / step - 1e-9));
  const axis = (value) => (value === 0 || step >= 1 ? format.short(value) : format.fixed(value, places));
  return { top: count * step, marks: Array.from({ length: count + 1 }, (_, index) => ({ value: index * step, text: axis(index * step) })) };
}

let shown = null;

function tip(event, day, series, index, sum, show) {
  hideTip();
  const lines = series.filter((one) => one.values[index] !== 0);
  shown = el("div", { class: "tip" }, el("strong", {}, format.day(day)),
    el("dl", {}, lines.map((one) => [el("dt", {}, one.name), el("dd", {}, show(one.values[index]))]),
      series.length > 1 ? [el("dt", {}, "All"), el("dd", {}, show(sum))] : null));
  document.body.append(shown);
  follow(event);
}

function follow(event) {
  if (!shown) return;
  const { width, height } = shown.getBoundingClientRect();
  shown.style.left = `${Math.min(event.clientX + 14, innerWidth - width - 8)}px`;
  shown.style.top = `${Math.max(8, Math.min(event.clientY - height / 2, innerHeight - height - 8))}px`;
}

function hideTip() {
  shown?.remove();
  shown = null;
}
