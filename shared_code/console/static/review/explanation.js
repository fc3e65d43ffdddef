// Why a value is doubtful, in words, with the other values that it may be; and what a changed one was before.

import { el } from "../dom.js";
import { words } from "../format.js";

/** The elements below an input. @param before what a changed value was, as shown; null when it is not changed. */
export function explanation(desk, slot, doubt, before) {
  const parts = [];
  if (doubt) parts.push(...doubt.reasons.map((reason) => el("p", { class: "reason", dir: "auto" }, reason)));
  if (doubt?.candidates.length && !desk.decided) {
    parts.push(el("div", { class: "candidates" }, ...doubt.candidates.map((one, index) => candidate(desk, slot, one, index + 1))));
  }
  const element = desk.elementOf(slot);
  if (element) parts.push(el("p", { class: "element" }, element));
  if (before !== null) parts.push(el("p", { class: "before" }, "was ", el("del", { dir: "auto" }, before)));
  return parts;
}

function candidate(desk, slot, { shown, from, place }, number) {
  const button = el(
    "button", { type: "button", class: "candidate", tabindex: "-1", title: `Key ${number}: ${from}` },
    el("kbd", {}, String(number)), el("span", { dir: "auto" }, shown), el("small", {}, from),
  );
  button.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays in the field
  button.addEventListener("click", () => desk.takeCandidate(slot, number));
  if (place) {
    button.addEventListener("mouseenter", () => desk.point(slot, [place]));
    button.addEventListener("mouseleave", () => desk.point(slot, null));
  }
  return button;
}

const SUMS = {
  line: "Line", lines_sum: "Sum of the lines", net_total: "Net total", tax_total: "Tax total", total: "Total",
  amount_due: "Amount due", tax_rate: "Tax by its rate",
};
const MOST_PARTS = 4;

/** The sums as the service computes them: first those that do not hold, with their figures. @param show an amount. */
export function equationRows(equations, show) {
  const wrong = equations.filter((one) => !one.holds);
  const right = [...new Set(equations.filter((one) => one.holds).map((one) => (one.name === "line" ? "Lines" : nameOf(one))))];
  const rows = wrong.map((one) => el(
    "p", { class: "equation wrong" }, sign("\u2260"),
    `${nameOf(one)}: ${partsOf(one)} give `, el("b", {}, show(one.left)), ", printed is ", el("b", {}, show(one.right)), ".",
  ));
  if (right.length) rows.push(el("p", { class: "equation right" }, sign("\u2713"), right.join(" \u00b7 ")));
  return rows;
}

function sign(text) {
  return el("span", { class: "sign", "aria-hidden": "true" }, text);
}

function nameOf({ name, right_fields: fields }) {
  const line = name === "line" && /line_items\[(\d+)\]/.exec(fields[0]);
  return line ? `Line ${Number(line[1]) + 1}` : SUMS[name] ?? words(name);
}

function partsOf({ left_fields: fields }) {
  const names = [...new Set(fields.map((field) => words(field.replace(/^invoices\[\d+\]\./, "").replace(/^.+\]\./, "").replace(/\[\d+\]$/, "")).toLowerCase()))];
  return names.length > MOST_PARTS ? "the other amounts" : names.join(", ") || "the other amounts";
}
