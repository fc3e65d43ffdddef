// What the service says, as it says it. Asked for every two seconds; what is the same costs a 304.

import { put, el } from "../dom.js";
import { base } from "../api.js";
import * as format from "../format.js";
import { badge, empty, filters, poll } from "../ui.js";
import { actions, content, button, place } from "./common.js";

const SECONDS = 2;
const LINES = 200;
let tail = null;
let live = true;
const open = new Set();

const state = el("span", { class: "live on", role: "status" }, "Live");
const pause = button("Pause", toggle);
put(actions, state, pause);

const shown = filters(place, [
  { name: "level", label: "Level, and above", options: [["", "All"], ["DEBUG", "Debug"], ["INFO", "Info"], ["WARNING", "Warning"], ["ERROR", "Error"], ["CRITICAL", "Critical"]] },
  { name: "contains", label: "Holds" }, { name: "logger", more: true, label: "Logger" }, { name: "call_id", label: "Call id" },
  { name: "request_id", label: "Request id" }, { name: "operation_id", more: true, label: "Operation id" },
], begin);

function begin(values) {
  tail?.stop();
  put(content);
  tail = poll(["logs", { limit: LINES, ...values }], SECONDS, content, show);
}

function toggle() {
  live = !live;
  state.textContent = live ? "Live" : "Paused";
  state.classList.toggle("on", live);
  pause.textContent = live ? "Pause" : "Go on";
  if (live) begin(shown.values());
  else tail.stop();
}

function show({ items }) {
  if (items.length === 0) return empty("No line fits.");
  return el("div", { class: "log" }, items.map(line));
}

function line(row) {
  const details = el("details", { open: open.has(row.log_id), on: { toggle: () => (details.open ? open.add(row.log_id) : open.delete(row.log_id)) } },
    el("summary", {}, el("time", { datetime: row.at, title: format.moment(row.at) }, format.clock(row.at)), badge(row.level, row.level ?? "–"), el("span", {}, row.message ?? "")),
    facts(row));
  return details;
}

function facts(row) {
  const pairs = [["When", format.moment(row.at)], ["Where", [row.logger, row.function, row.line].filter(Boolean).join(" · ")],
    ["Call", row.call_id && el("a", { href: `${base}/logs?call_id=${encodeURIComponent(row.call_id)}` }, row.call_id)],
    ["Request", row.request_id && el("a", { href: `${base}/logs?request_id=${encodeURIComponent(row.request_id)}` }, row.request_id)], ["Operation", row.operation_id]];
  return el("div", { class: "facts" }, el("dl", { class: "facts" }, pairs.filter(([, value]) => value).map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])),
    row.exception ? el("pre", {}, row.exception) : null);
}
