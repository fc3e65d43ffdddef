// How the parts of the service are, with figures, and what the database says about itself.

import { api } from "../api.js";
import { el, put } from "../dom.js";
import * as format from "../format.js";
import { badge, copy, empty, fill, table, when } from "../ui.js";
import { actions, button, content } from "./common.js";

const places = { figures: el("div"), checks: el("div"), database: el("div"), json: el("div") };
put(content, places.figures, part("Checks", places.checks), places.database, places.json);
put(actions, button("Look again", look, { symbol: "refresh" }));
look();

/** Two questions: what the database shows is there at once, the checks wait for storage and for providers. */
async function look() {
  const found = {};
  await Promise.all([
    fill(places.database, async () => showDatabase(Object.assign(found, await ask("database", ["database", "set_aside"])))),
    fill(places.checks, async () => showChecks(Object.assign(found, await ask("health", ["health"])).health)),
  ]);
  showFigures(found);
  showJson(found);
}

async function ask(part, names) {
  const { data } = await api.get(["diagnostics", { part }]);
  return Object.fromEntries(names.map((name) => [name, data[name]]));
}

function showFigures({ health, database, set_aside }) {
  put(places.figures, el("dl", { class: "figures" }, [
    ["Overall", badge(health?.overall_status)], ["Checks that are well", health ? format.percent(health.health_percentage / 100) : "–"],
    ["Findings", database ? format.number(database.findings.length) : "–"], ["Rows set aside", set_aside ? format.number(set_aside.length) : "–"],
    ["Looked", when(health?.timestamp ?? database?.timestamp)],
  ].map(([name, value]) => el("div", { class: "figure" }, el("dt", {}, name), el("dd", {}, value)))));
}

function showChecks(health) {
  return table("Checks", [
    { title: "Check", class: "nowrap", value: ([name]) => format.words(name) },
    { title: "State", value: ([, check]) => badge(check.status) },
    { title: "Figures", value: ([, check]) => facts(check.result ?? check.error ?? {}) },
  ], Object.entries(health.checks));
}

function showDatabase({ database, set_aside }) {
  return el("div", {},
    part("What the database shows", database.findings.length === 0 ? empty("Nothing is wrong.") : table("Findings", [
      { title: "Finding", value: (row) => row.message }, { title: "Severity", value: (row) => badge(row.severity) },
      { title: "Area", value: (row) => format.words(row.area) }, { title: "What helps", value: (row) => (row.remedy ? el("code", {}, row.remedy) : "–") },
    ], database.findings)),
    part("Rows that the timer has set aside", set_aside.length === 0 ? empty("None.") : table("Rows set aside", [
      { title: "Row", value: (row) => row.row }, { title: "Step", value: (row) => row.step }, { title: "Cause", value: (row) => row.cause },
      { title: "Tries", numeric: true, value: (row) => format.number(row.tries) }, { title: "Next", value: (row) => format.moment(row.next_at) },
    ], set_aside)));
}

function showJson(found) {
  const text = JSON.stringify(found, null, 2);
  put(places.json, el("details", { class: "more card" }, el("summary", {}, "Everything as JSON"),
    button("Copy", () => copy(text), { symbol: "copy" }), el("pre", {}, text)));
}

function part(title, inside) {
  return el("section", { class: "card invoice" }, el("h2", {}, title), inside);
}

function facts(found) {
  if (typeof found !== "object") return String(found);
  return Object.entries(found).map(([name, value]) => `${format.words(name)}: ${shown(value)}`).join(" · ") || "–";
}

function shown(value) {
  if (value === null) return "unknown";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value !== "object") return String(value);
  return Object.keys(value).length === 0 ? "none" : JSON.stringify(value);
}
