// How the service stands: what was used over time, how long calls take, what needs somebody.

import { api, base, may, session } from "../api.js";
import { el, put } from "../dom.js";
import * as format from "../format.js";
import { stackedDays } from "../chart.js";
import { badge, bar, empty, fill, filters, poll, table, when } from "../ui.js";
import { companyField, content, place } from "./common.js";

const GROUPS = { company: "Company", model: "Model", source: "Source" };
let asked = 0;

const parts = { figures: el("div"), charts: el("div"), keys: el("div"), times: el("div"), alerts: el("div") };
put(content, parts.figures, parts.charts, el("div", { class: "cards" },
  card("Keys near their limit", parts.keys), may("see alerts") ? card("Open alerts", parts.alerts) : null, card("How long calls take", parts.times)));

filters(place, [
  ...companyField(),
  { name: "days", label: "Days", value: "30", options: [["7", "7 days"], ["30", "30 days"], ["90", "90 days"], ["365", "A year"]] },
  { name: "by", label: "By", value: session.company_id === null ? "company" : "model",
    options: Object.entries(GROUPS).filter(([key]) => key !== "company" || session.company_id === null)},
], ({ company_id, days, by }) => {
  asked += 1;
  const turn = asked;
  put(parts.figures);
  fill(parts.charts, () => charts(company_id, Number(days), by, turn));
  glance(company_id, turn);
});

if (may("see alerts")) poll(["alerts", { state: "open", limit: 5 }], 30, parts.alerts, showAlerts);

function card(title, inside) {
  return el("section", { class: "card" }, el("h2", {}, title), inside);
}

/** Sums of days, of all and of the largest of what they are split by; the rest is "Others". */
async function charts(company_id, count, by, turn) {
  const first = format.isoDay(new Date(Date.now() - count * 86400000));
  const { data } = await api.get(["overview/charts", { from: first, company_id, by }]);
  if (turn !== asked) return undefined;
  const [all, ...largest] = data.charts;
  showFigures(all.days);
  if (all.days.length === 0) return empty("Nothing was used in these days.");
  const days = daysOf(all.days, first);
  const named = largest.map((one) => ({ name: one.name, lines: byDay(one.days) }));
  const whole = byDay(all.days);
  const chart = (title, value, show) => el("section", { class: "card" }, stackedDays({ title, days, show, series: split(days, whole, named, value) }));
  return el("div", { class: "cards" },
    chart("Calls", (line) => line.requests),
    chart("Tokens", (line) => line.total_tokens),
    chart("Money (US dollars)", (line) => Number(line.cost_usd), format.cost),
    chart("Errors", (line) => line.errors));
}

const byDay = (lines) => new Map(lines.map((line) => [line.day, line]));

function daysOf(lines, first) {
  const last = lines.at(-1).day;
  const days = [];
  for (let at = new Date(`${first}T00:00:00Z`); days.length < 400; at = new Date(at.getTime() + 86400000)) {
    const day = at.toISOString().slice(0, 10);
    days.push(day);
    if (day >= last && day >= format.isoDay(new Date())) break;
  }
  return days;
}

function split(days, whole, named, value) {
  const of = (lines, day) => (lines.has(day) ? value(lines.get(day)) : 0);
  const series = named.map(({ name, lines }) => ({ name, values: days.map((day) => of(lines, day)) }));
  const rest = days.map((day, index) => of(whole, day) - series.reduce((sum, one) => sum + one.values[index], 0));
  const others = rest.map((each) => (each > 1e-9 ? each : 0));
  return others.some((each) => each > 0) ? [...series, { name: "Others", values: others }] : series;
}

function showFigures(lines) {
  const sum = (name) => lines.reduce((total, line) => total + line[name], 0);
  const units = lines.reduce((total, line) => total + format.costUnits(line.cost_usd), 0n);
  const [calls, errors] = [sum("requests"), sum("errors")];
  const dl = el("dl", { class: "figures" },
    figure("Calls", format.number(calls)),
    figure("Tokens", format.short(sum("total_tokens")), format.number(sum("total_tokens"))),
    figure("Money", format.cost(format.costText(units)), sum("unpriced") ? `without ${format.number(sum("unpriced"))} calls of unknown price` : null),
    figure("Errors", format.percent(calls ? errors / calls : 0), `${format.number(errors)} of ${format.number(calls)}`));
  put(parts.figures, dl);
  if (parts.more) dl.append(...parts.more);
}

function figure(name, value, small) {
  return el("div", { class: "figure" }, el("dt", {}, name), el("dd", {}, value, small ? el("small", {}, small) : null));
}

async function glance(company_id, turn) {
  parts.more = null;
  let found = null;
  await fill(parts.times, async () => {
    found = (await api.get(["overview", { company_id }])).data;
    if (turn !== asked) return undefined;
    if (found.times.length === 0) return empty("No call of a model is known.");
    return table("How long calls take", [
      { title: "Model", value: (row) => row.model },
      { title: "p50", numeric: true, value: (row) => format.duration(row.p50) },
      { title: "p95", numeric: true, value: (row) => format.duration(row.p95) },
      { title: "Calls looked at", numeric: true, value: (row) => format.number(row.calls) },
    ], found.times);
  });
  if (found === null || turn !== asked) return;
  const done = found.readings - (found.verdicts.failed ?? 0);
  parts.more = [figure("Without review", done ? format.percent(1 - found.for_review / done) : "–", `of the last ${format.number(found.readings)} readings`)];
  parts.figures.firstElementChild?.append(...parts.more);
  put(parts.keys, found.low_keys.length === 0 ? empty("No key is near its limit.") : table("Keys near their limit", [
    { title: "Key", value: (row) => `…${row.api_key_hint ?? row.token_id}` },
    { title: "Company", value: (row) => row.company_id ?? "–" },
    { title: "Status", value: (row) => badge(row.status) },
    { title: "Used", value: (row) => bar(row.used_tokens, row.total_token_limit, `${format.number(row.used_tokens)} of ${format.number(row.total_token_limit)} tokens`) },
    { title: "Runs out", class: "nowrap", value: (row) => format.day(row.run_out_day) },
  ], found.low_keys, { href: (row) => `${base}/keys?company_id=${encodeURIComponent(row.company_id ?? "")}` }));
}

function showAlerts({ items }) {
  if (items.length === 0) return empty("Nothing is open.");
  return table("Open alerts", [
    { title: "Alert", value: (row) => row.message },
    { title: "Severity", value: (row) => badge(row.severity) },
    { title: "Seen", value: (row) => when(row.last_seen_at) },
  ], items, { href: () => `${base}/alerts` });
}
