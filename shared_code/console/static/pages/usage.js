// Reports of what was used: which days, what there is a line for, whose. The same as a file.

import { api, session } from "../api.js";
import { $$, el, icon, put } from "../dom.js";
import * as format from "../format.js";
import { bar, filters, list, table } from "../ui.js";
import { actions, companyField, content, place } from "./common.js";

const GROUPS = [["day", "Day"], ["company", "Company"], ["branch", "Branch"], ["user", "User"], ["token", "Key"], ["model", "Model"], ["source", "Source"]];
const FIELDS = { company: "company_id", token: "token_id" };
const groups = GROUPS.filter(([key]) => key !== "company" || session.company_id === null);
let chosen = (new URLSearchParams(location.search).get("by") ?? (session.company_id === null ? "company" : "day")).split(",").filter((key) => groups.some(([one]) => one === key));
if (chosen.length === 0) chosen = ["day"];

const download = el("a", { class: "button", download: "" }, icon("download"), "As CSV");
put(actions, download);

const boxes = el("fieldset", { class: "checks", on: { change: (event) => { event.stopPropagation(); regroup(); } } }, el("legend", {}, "A line for each"), groups.map(([key, text]) =>
  el("label", {}, el("input", { type: "checkbox", value: key, checked: chosen.includes(key) }), text)));

const built = filters(place, [
  { name: "from", label: "From", type: "date", value: format.isoDay(new Date(Date.now() - 30 * 86400000)) },
  { name: "to", label: "To", type: "date", value: format.isoDay(new Date()) },
  ...companyField(),
  { name: "branch", label: "Branch" }, { name: "user", label: "User" }, { name: "model", label: "Model" },
  { name: "source", label: "Source", options: [["", "All"], ["http", "Upload"], ["blob", "Dropped file"], ["cli", "Command line"], ["console", "Console"]] },
  { name: "token_id", label: "Number of the key", type: "number" },
], report);
built.form.append(boxes);

function regroup() {
  const now = $$("input:checked", boxes).map((box) => box.value);
  if (now.length === 0) return;
  chosen = groups.map(([key]) => key).filter((key) => now.includes(key));
  report(built.values());
}

function report(values) {
  const query = { ...values, group_by: chosen };
  download.href = api.url(`usage?${search({ ...query, format: "csv" })}`);
  const address = new URLSearchParams(location.search);
  address.set("by", chosen.join(","));
  history.replaceState(null, "", `?${address}`);
  put(content);
  list(content, "usage", query, show, { nothing: "Nothing was used." });
}

function search(query) {
  const made = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) for (const each of [value].flat()) if (each !== "" && each !== null) made.append(name, each);
  return made;
}

function show(lines) {
  const most = Math.max(...lines.map((line) => line.total_tokens), 1);
  const sum = (name) => lines.reduce((total, line) => total + line[name], 0);
  const units = lines.reduce((total, line) => total + format.costUnits(line.cost_usd), 0n);
  const columns = [
    ...chosen.map((key) => ({ title: GROUPS.find(([one]) => one === key)[1], value: (line) => (key === "day" ? format.day(line.day) : line[FIELDS[key] ?? key] ?? "–") })),
    { title: "Calls", numeric: true, value: (line) => format.number(line.requests) },
    { title: "Errors", numeric: true, value: (line) => format.number(line.errors) },
    { title: "Unmeasured", numeric: true, value: (line) => format.number(line.unmeasured) },
    { title: "In", numeric: true, value: (line) => format.number(line.input_tokens) },
    { title: "Out", numeric: true, value: (line) => format.number(line.output_tokens) },
    { title: "Tokens", numeric: true, value: (line) => format.number(line.total_tokens) },
    { title: "Share", value: (line) => bar(line.total_tokens, most, `${format.number(line.total_tokens)} tokens`, { plain: true }) },
    { title: "Cost", numeric: true, value: (line) => format.cost(line.cost_usd) },
  ];
  return el("div", {}, el("dl", { class: "figures" },
    [["Lines shown", format.number(lines.length)], ["Calls", format.number(sum("requests"))], ["Tokens", format.number(sum("total_tokens"))],
      ["Cost", format.cost(format.costText(units))], ["Unpriced calls", format.number(sum("unpriced"))]]
      .map(([name, value]) => el("div", { class: "figure" }, el("dt", {}, name), el("dd", {}, value)))), table("Usage", columns, lines));
}
