// What is said above the values: a document without pages, remarks on all of it, corrections of an earlier reading.

import { el, put } from "../dom.js";
import { historyTable } from "./decisions.js";
import { showMoment, showValue } from "./printed.js";
import { groupsOf } from "./schema.js";
import { valueAt } from "./paths.js";

const WITHOUT_PAGES = {
  not_kept: "This document is not kept here, so there is no page to look at. Compare with your own copy.",
  no_pages: "This document is data without pages. What the values are made of stands beside them.",
  too_large: "This document is too large to be shown. Compare with your own copy.",
  unreadable: "The pages of this document cannot be drawn. Compare with your own copy.",
};

/** Fills the place above the values. */
export function openNotices(place, desk) {
  const { review, judgement } = desk;
  const made = [];
  if (desk.withoutPages) made.push(el("p", { class: "note", id: "without-pages" }, WITHOUT_PAGES[desk.withoutPages]));
  for (const remark of judgement.remarks) made.push(el("p", { class: "note warn", dir: "auto" }, remark.message));
  for (const reason of desk.strayReasons) made.push(el("p", { class: "note warn", dir: "auto" }, reason));
  const kept = keptCorrections(desk);
  if (kept) made.push(kept);
  if (review.history?.length) made.push(decisionsOf(desk));
  put(place, made);
}

const DID = { confirm: "confirmed it", correct: "corrected it", reject: "rejected it", postpone: "postponed it" };

/** What was decided, newest first, and the way to decide anew. */
function decisionsOf(desk) {
  const made = (desk.review.history ?? []).toReversed().map((one) => el("li", {},
    el("p", { dir: "auto" }, el("b", {}, one.by), ` ${DID[one.decision] ?? one.decision}, ${showMoment(one.at)}.${one.reason ? ` Reason: ${one.reason}` : ""}`),
    historyTable(one.corrections)));
  const anew = el("button", { type: "button", class: "small", id: "anew", on: { click: () => desk.reopen() } }, "Decide anew");
  return el("section", { class: "note good history", "aria-label": "What was decided" }, el("ol", { reversed: "" }, made), desk.decided ? anew : null);
}

/** Corrections of an earlier reading stay until a person says otherwise: both are shown, and which one counts is asked. */
function keptCorrections(desk) {
  const { review, reading } = desk;
  if (!review.earlier || desk.decided) return null;
  const rows = differences(review).map(({ label, kind, read, kept, use }) => {
    const take = (value) => el("button", { type: "button", class: "small", on: { click: () => use(reading, value) } }, "Use");
    return el("tr", {}, el("th", { scope: "row" }, label),
      el("td", {}, el("span", { dir: "auto" }, shown(kept, kind)), " ", take(kept)),
      el("td", {}, el("span", { dir: "auto" }, shown(read, kind)), " ", take(read)));
  });
  if (!rows.length) return el("p", { class: "note" }, "An earlier reading of this document was corrected. This one says the same as the corrected values.");
  const all = el("button", { type: "button", class: "small", on: {
    click: () => { for (const { read, use } of differences(review)) use(reading, read); },
  } }, "Use the new reading everywhere");
  return el("section", { class: "note warn earlier", "aria-label": "Corrections of an earlier reading" },
    el("p", {}, "An earlier reading of this document was corrected. The corrected values stay unless you choose the new ones."),
    el("div", { class: "table-scroll" }, el("table", {},
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Field"), el("th", { scope: "col" }, "Corrected"), el("th", { scope: "col" }, "Read now"))),
      el("tbody", {}, rows))), all);
}

function shown(value, kind) {
  if (kind !== "lines") return showValue(value, kind) || "nothing";
  const sums = value.map((line) => showValue(line.net_amount, "amount") || line.description || "\u2013");
  return `${value.length}: ${sums.join(" \u00b7 ")}`;
}

/** Where the corrected values and those of this reading differ, and how to take either. */
function differences(review) {
  const found = [];
  for (const [index, invoice] of (review.data.invoices ?? []).entries()) {
    const read = review.original?.invoices?.[index];
    if (!read) continue;
    for (const row of groupsOf(invoice).flatMap((group) => group.rows)) {
      const [now, then] = [valueAt(read, row.path), valueAt(invoice, row.path)];
      if ((now ?? null) === (then ?? null)) continue;
      const slot = `${index}|${row.path}`;
      const label = ["Document", "Amounts"].includes(row.group) ? row.label : `${row.group}: ${row.label}`;
      found.push({ label, kind: row.kind, read: now, kept: then, use: (reading, value) => reading.set(slot, value) });
    }
    const [now, then] = [read.line_items ?? [], invoice.line_items ?? []];
    if (JSON.stringify(now) !== JSON.stringify(then)) {
      found.push({ label: "Lines", kind: "lines", read: now, kept: then, use: (reading, value) => reading.useLines(index, value) });
    }
  }
  return found;
}
