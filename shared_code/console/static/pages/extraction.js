// One reading: what it came to, what it went through and cost, and what can be done with it.

import { api, base, may, params } from "../api.js";
import { ask, dangerous, showAudit } from "../dialogs.js";
import { $, el, put } from "../dom.js";
import * as format from "../format.js";
import { badge, code, copy, empty, fill, table, when } from "../ui.js";
import { actions, allowed, button, content } from "./common.js";

const path = `extractions/${encodeURIComponent(params.id)}`;
let row = null;

await fill(content, async () => {
  row = (await api.get(path)).data;
  const title = row.erased_at ? "Erased reading" : row.file_label ?? row.invoice_number ?? "Reading";
  put($("#title"), title);
  document.title = `${title} · Invoice extraction`;
  showActions();
  const run = el("div");
  fill(run, showRun);
  return el("div", {},
    el("div", { class: "cards" }, section("Reading", facts()), section("What it came to", result())),
    section("What it went through", run),
    row.history.length ? section("Decisions of people", history()) : null,
    row.data ? el("details", { class: "more card" }, el("summary", {}, "The whole answer as JSON"),
      button("Copy", () => copy(JSON.stringify(row.data, null, 2)), { symbol: "copy" }), el("pre", {}, JSON.stringify(row.data, null, 2))) : null);
});

function section(title, inside) {
  return el("section", { class: "card invoice" }, el("h2", {}, title), inside);
}

function showActions() {
  const parts = [button("Copy id", () => copy(row.id), { symbol: "copy" })];
  const review = row.data?.review?.state ?? "none";
  if (review !== "none" && !row.erased_at) parts.push(el("a", { class: "button", href: `${base}/reviews/${row.id}` }, "Review"));
  if (!row.erased_at) {
    parts.push(allowed("try documents", "Read again", reread, { symbol: "refresh" }), allowed("erase readings", "Erase", erase, { symbol: "trash", kind: "danger" }));
  }
  put(actions, parts);
}

function facts() {
  const pairs = [
    ["Company", row.company_id], ["State", badge(row.state)], ["Verdict", row.status ? badge(row.status) : null], ["File", row.file_label],
    ["User", row.requested_by], ["Branch", row.branch], ["Came by", row.source], ["Model", [row.provider, row.model].filter(Boolean).join(" · ")],
    ["Begun", format.moment(row.created_at)], ["Ended", row.finished_at ? format.moment(row.finished_at) : null],
    ["Erased", row.erased_at ? format.moment(row.erased_at) : null],
    ["Id", el("code", {}, row.id)], ["Call", el("span", {}, code(row.call_id), " ", may("operate the service") ? el("a", { href: `${base}/logs?call_id=${row.call_id}` }, "Log lines") : null)],
    ["Document", el("span", {}, code(row.document_sha256), " ", el("a", { href: `${base}/extractions?document_sha256=${row.document_sha256}` }, "All its readings"))],
    ["Instead of", row.supersedes_id ? el("a", { href: `${base}/extractions/${row.supersedes_id}` }, code(row.supersedes_id)) : null],
  ];
  return el("dl", { class: "facts" }, pairs.filter(([, value]) => value).map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

function result() {
  if (row.erased_at) return empty("This document was erased.");
  if (row.error) {
    return el("div", {}, el("p", { class: "note bad" }, row.error.message ?? row.error_code), el("p", { class: "help" }, row.error_code));
  }
  const data = row.data ?? row.result;
  if (!data) return empty("Nothing was read.");
  const invoices = data.invoices ?? [];
  return el("div", {}, data.review && data.review.state !== "none" ? el("p", {}, "Review: ", badge(data.review.state)) : null,
    invoices.length ? invoices.map(invoice) : empty(format.words(data.status)), warnings(data.warnings));
}

function invoice(values) {
  const pairs = [
    ["Number", values.invoice_number], ["Seller", values.seller?.name], ["Buyer", values.buyer?.name], ["Date", values.invoice_date && format.day(values.invoice_date)],
    ["Due", values.due_date && format.day(values.due_date)], ["Net", values.net_total && format.money(values.net_total, values.currency)],
    ["Tax", values.tax_total && format.money(values.tax_total, values.currency)], ["Total", values.total && format.money(values.total, values.currency)],
    ["Lines", values.line_items && format.number(values.line_items.length)], ["Doubtful", doubtful(values.confidence)],
  ];
  return el("dl", { class: "facts" }, pairs.filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => [el("dt", {}, name), el("dd", {}, typeof value === "object" ? JSON.stringify(value) : value)]));
}

/** The values that are not certain. */
function doubtful(confidence) {
  const found = Object.entries(confidence ?? {}).filter(([, level]) => level !== "high").map(([name, level]) => `${format.words(name)} (${level})`);
  return found.length ? found.join(", ") : null;
}

function warnings(found) {
  if (!found?.length) return null;
  return el("div", {}, el("h3", {}, "Warnings"), el("ul", {}, found.map((one) =>
    el("li", {}, one.message ?? one.code, one.review && !one.resolved ? el("span", {}, " ", badge("warning", "review")) : null))));
}

async function showRun() {
  const { data } = await api.get(`${path}/run`);
  if (data.booked.length === 0 && data.attempts.length === 0) return empty("Nothing is known of its run: no call was made, or its rows are older than their retention.");
  const units = data.booked.reduce((sum, one) => sum + format.costUnits(one.cost_usd), 0n);
  return el("div", {},
    data.attempts.length ? table("Attempts that failed", [
      { title: "Attempt", value: (one) => format.number(one.attempt) }, { title: "When", value: (one) => format.moment(one.at) },
      { title: "Key", value: (one) => one.token_id ?? "–" }, { title: "What happened", value: (one) => one.error ?? "–" },
      { title: "Tried again", value: (one) => (one.retryable ? "Yes" : "No") },
    ], data.attempts) : null,
    data.booked.length ? [el("h3", {}, `Booked: ${format.cost(format.costText(units))}`), table("What was booked", [
      { title: "When", value: (one) => when(one.at) }, { title: "Kind", value: (one) => format.words(one.kind) }, { title: "Model", value: (one) => one.model ?? "–" },
      { title: "Key", value: (one) => one.token_id ?? "–" }, { title: "Came to", value: (one) => format.words(one.outcome) },
      { title: "In", numeric: true, value: (one) => format.number(one.input_tokens) }, { title: "Out", numeric: true, value: (one) => format.number(one.output_tokens) },
      { title: "Tokens", numeric: true, value: (one) => format.number(one.total_tokens) }, { title: "Cost", numeric: true, value: (one) => format.cost(one.cost_usd) },
      { title: "Took", numeric: true, value: (one) => format.duration(one.duration_ms) },
    ], data.booked)] : null);
}

function history() {
  const shown = (value) => (value === null || value === undefined ? "–" : typeof value === "object" ? JSON.stringify(value) : String(value));
  return row.history.map((one) => el("div", {},
    el("p", {}, badge(one.state), ` ${one.by} · `, when(one.at), one.reason ? ` · ${one.reason}` : ""),
    one.corrections?.length ? table("Corrections", [
      { title: "Field", value: (change) => change.field }, { title: "Before", value: (change) => shown(change.before) }, { title: "After", value: (change) => shown(change.after) },
    ], one.corrections) : null));
}

async function reread() {
  const done = await ask({
    title: "Read this document again?", text: "It costs the company a call of the model. The present reading stays; corrections are kept with it.", action: "Read again",
    act: async () => api.post(`${path}/reread`),
  });
  if (done === null) return;
  await showAudit(done.message, done.requestId);
  location.assign(`${base}/extractions?document_sha256=${row.document_sha256}`);
}

async function erase() {
  const done = await dangerous({
    title: "Erase this document?", text: "All its readings, its files and the names in its accounts go, and never come back. The ids stay and say that it was erased.",
    fields: [{ name: "with_source", type: "checkbox", label: "Also the dropped file that it came from" }], action: "Erase for ever", typed: row.company_id,
    act: ({ with_source }) => api.delete([path, { with_source: with_source ? "true" : null }]),
  });
  if (done !== null) location.reload();
}
