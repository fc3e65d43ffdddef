// How well documents are read, by what people had to correct: over time, by field, by seller.

import { api } from "../api.js";
import { stackedDays } from "../chart.js";
import { el, put } from "../dom.js";
import * as format from "../format.js";
import { bar, empty, fill, filters, table } from "../ui.js";
import { companyField, content, place } from "./common.js";

const DAY = 86_400_000;
const parts = { sums: el("div"), weeks: el("div", { class: "cards" }), fields: el("div"), sellers: el("div") };
put(content, parts.sums, parts.weeks, el("div", { class: "cards" }, card("By field", parts.fields), card("By seller", parts.sellers)));

filters(place, [
  ...companyField(),
  { name: "from", label: "From", type: "date", value: format.isoDay(new Date(Date.now() - 84 * DAY)) },
  { name: "to", label: "To", type: "date", value: format.isoDay(new Date()) },
], (values) => {
  const report = async (group) => (await api.get(["review-accuracy", { ...values, group_by: group }])).data;
  fill(parts.weeks, async () => showWeeks(await report("week")));
  fill(parts.fields, async () => showItems("By field", "Field", await report("field"), (item) => fieldName(item.key)));
  fill(parts.sellers, async () => showItems("By seller", "Seller", await report("seller"), (item) => el("span", { dir: "auto" }, item.label ?? "Unknown")));
});

function card(title, inside) {
  return el("section", { class: "card" }, el("h2", {}, title), inside);
}

function showWeeks({ decided, corrected, items }) {
  const figure = (name, value, small) => el("div", { class: "figure" }, el("dt", {}, name), el("dd", {}, value, small ? el("small", {}, small) : null));
  put(parts.sums, el("dl", { class: "figures" },
    figure("Looked at by people", format.number(decided)),
    figure("Right as they were read", decided ? format.percent(1 - corrected / decided) : "\u2013", `${format.number(corrected)} corrected`)));
  if (decided === 0) return empty("Nobody has decided about a reading in these days.");
  return el("section", { class: "card" }, stackedDays({
    title: "Readings by week", note: "Weeks begin on Monday.", days: items.map((item) => item.key),
    series: [
      { name: "Right as read", values: items.map((item) => item.decided - item.corrected) },
      { name: "Corrected", values: items.map((item) => item.corrected) },
    ],
  }));
}

function showItems(caption, title, { items }, name) {
  if (items.length === 0) return empty("Nothing is known yet.");
  return table(caption, [
    { title, value: name },
    { title: "Looked at", numeric: true, value: (item) => format.number(item.decided) },
    { title: "Corrected", numeric: true, value: (item) => format.number(item.corrected) },
    { title: "Right", numeric: true, value: (item) => (item.accuracy === null ? "\u2013" : format.percent(item.accuracy)) },
    { title: "Share", value: (item) => (item.decided ? bar(item.decided - item.corrected, item.decided, `${format.number(item.decided - item.corrected)} of ${format.number(item.decided)} right`, { plain: true }) : "\u2013") },
  ], items);
}

/** "line_items[].net_amount" as words. */
function fieldName(path) {
  return (path ?? "").split(".").map((part) => format.words(part.replace("[]", ""))).join(": ");
}
