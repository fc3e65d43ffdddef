// Conditions that an operator should know of.

import { api, base, may } from "../api.js";
import { dangerous } from "../dialogs.js";
import { el, put } from "../dom.js";
import * as format from "../format.js";
import { badge, filters, list, table, when } from "../ui.js";
import { button, content, place } from "./common.js";

const shown = filters(place, [
  { name: "state", label: "State", value: "open", options: [["open", "Open"], ["closed", "Closed"], ["all", "All"]] },
  { name: "kind", label: "Kind" },
], (values) => {
  put(content);
  list(content, "alerts", values, (items) => table("Alerts", columns, items), { nothing: values.state === "open" ? "Nothing is open." : "No alert fits." });
});

const columns = [
  { title: "Alert", value: (row) => el("span", {}, row.message, el("details", { class: "more" }, el("summary", {}, "Details"), details(row))) },
  { title: "Severity", value: (row) => badge(row.severity) },
  { title: "Kind", value: (row) => format.words(row.kind) },
  { title: "Opened", value: (row) => when(row.opened_at) },
  { title: "Last seen", value: (row) => when(row.last_seen_at) },
  { title: "Times", numeric: true, value: (row) => format.number(row.occurrences) },
  { title: "Closed", value: (row) => (row.closed_at ? when(row.closed_at) : may("operate the service")
    ? button("Close", () => close(row), { kind: "small", label: `Close alert ${row.alert_id}` }) : "–") },
];

function details(row) {
  const company = row.details.company_id;
  const pairs = [["Number", row.alert_id], ["About", row.subject], ...Object.entries(row.details).map(([name, value]) => [format.words(name), typeof value === "object" ? JSON.stringify(value) : String(value)])];
  return el("div", {}, el("dl", { class: "facts" }, pairs.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])),
    company ? el("a", { href: `${base}/keys?company_id=${encodeURIComponent(company)}` }, `Keys of ${company}`) : null);
}

async function close(row) {
  const done = await dangerous({ title: `Close alert ${row.alert_id}?`, text: el("div", {}, el("p", {}, row.message), el("p", {}, "When its condition is seen again, a new one opens.")),
    action: "Close it", act: () => api.post(`alerts/${row.alert_id}/close`) });
  if (done !== null) shown.apply();
}
