// Where companies are told of their readings, and what became of the messages.

import { api, session } from "../api.js";
import { ask, dangerous, showAudit } from "../dialogs.js";
import { el, put } from "../dom.js";
import * as format from "../format.js";
import { badge, code, copy, empty, fill, filters, list, table, toast, when } from "../ui.js";
import { actions, button, companyField, content, place } from "./common.js";

const EVENTS = ["extraction.done", "extraction.failed", "review.decided"];
const receivers = el("div");
const deliveries = el("div");
put(content, el("section", { class: "card invoice" }, el("h2", {}, "Receivers"), receivers), el("section", {}, el("h2", {}, "Messages"), deliveries));
put(actions, button("Add a receiver", () => edit(null), { symbol: "plus", kind: "main" }));

const shown = filters(place, [
  ...companyField(),
  { name: "state", label: "State", options: [["", "All"], ["pending", "Pending"], ["delivered", "Delivered"], ["failed", "Failed"], ["dropped", "Dropped"]] },
  { name: "event", label: "Event" }, { name: "subject_id", label: "About (id)" },
], (values) => {
  look(values.company_id);
  put(deliveries);
  list(deliveries, "webhooks/deliveries", values, (items) => table("Messages", columns, items), { nothing: "No message fits." });
});

function look(company_id) {
  return fill(receivers, () => showReceivers(company_id));
}

async function showReceivers(company_id) {
  const { data } = await api.get(["webhooks", { company_id }]);
  if (data.items.length === 0) return empty("No company is told of its readings.");
  return table("Receivers", [
    { title: "Company", class: "nowrap", value: (row) => row.company_id }, { title: "Address", value: (row) => row.url },
    { title: "Told of", value: (row) => row.events.join(", ") },
    { title: "Secrets", value: (row) => (row.secrets > 1 ? `${row.secrets}: the old one still signs too` : format.number(row.secrets)) },
    { title: "Actions", numeric: true, value: deeds },
  ], data.items);
}

const columns = [
  { title: "Message", class: "nowrap", value: (row) => code(row.message_id) },
  { title: "Company", class: "nowrap", value: (row) => row.company_id || "Operators" },
  { title: "Event", class: "nowrap", value: (row) => row.event },
  { title: "About", class: "nowrap", value: (row) => code(row.subject_id) },
  { title: "State", value: (row) => badge(row.state) },
  { title: "Tries", numeric: true, value: (row) => format.number(row.attempts) },
  { title: "Last answer", value: (row) => [row.last_status, row.last_error].filter(Boolean).join(" · ") || "–" },
  { title: "Happened", value: (row) => when(row.occurred_at) },
  { title: "Next", value: (row) => (row.state === "pending" ? when(row.next_at) : "–") },
  { title: "Actions", numeric: true, value: (row) => button("Send again", () => redeliver(row), { kind: "small", label: `Send message ${row.delivery_id} again` }) },
];

function deeds(row) {
  const one = (text, act, kind = "small") => button(text, () => act(row), { kind, label: `${text}, ${row.company_id}` });
  return el("span", { class: "actions" }, one("Test", test), one("Change", edit), one("New secret", rotate), row.secrets > 1 ? one("Retire the old", retire) : null, one("Remove", remove, "small danger"));
}

const path = (row) => `webhooks/${encodeURIComponent(row.company_id)}`;

async function done(answer) {
  if (answer === null) return;
  if (answer.data?.secret) await showSecret(answer.data);
  else await showAudit(answer.message, answer.requestId);
  shown.apply();
}

/** It is shown this once. */
const showSecret = (data) => ask({
  title: `The secret of ${data.company_id}`, action: "I have it", act: () => ({}),
  text: el("div", {}, el("p", {}, "Messages are signed with it. It is not shown again."), el("p", { class: "secret" }, data.secret), button("Copy", () => copy(data.secret), { symbol: "copy" })),
});

async function edit(row) {
  await done(await ask({
    title: row ? `Receiver of ${row.company_id}` : "Add a receiver", action: "Save",
    fields: [
      ...(row || session.company_id !== null ? [] : [{ name: "company_id", label: "Company", required: true, maxlength: 50, list: "companies", value: shown.values().company_id }]),
      { name: "url", label: "Address", type: "url", required: true, maxlength: 2000, value: row?.url, help: "https:// to a public address." },
      ...EVENTS.map((event) => ({ name: event, label: event, type: "checkbox", value: row ? row.events.includes(event) : true })),
    ],
    act: (values) => api.put("webhooks", { company_id: row?.company_id ?? values.company_id ?? session.company_id, url: values.url, events: EVENTS.filter((event) => values[event]) }),
  }));
}

async function test(row) {
  try {
    const { data } = await api.post(`${path(row)}/test`);
    toast(data.delivered ? `The receiver took it: ${data.status}, ${format.duration(data.milliseconds)}` : `It did not take it: ${data.error ?? data.status}`, data.delivered ? "good" : "bad");
  } catch (error) {
    toast(error.message, "bad");
  }
}

const rotate = async (row) => done(await ask({ title: `A new secret for ${row.company_id}?`, text: "Messages carry a signature of the old one too, until it is retired.", action: "Make one", act: () => api.post(`${path(row)}/rotate`) }));
const retire = async (row) => done(await ask({ title: `Retire the old secret of ${row.company_id}?`, text: "A receiver that checks with it refuses messages from now on.", action: "Retire", danger: true, act: () => api.post(`${path(row)}/retire`) }));
const redeliver = async (row) => done(await ask({ title: `Send message ${row.delivery_id} again?`, text: "Under the same id: a receiver that has it already ignores it.", action: "Send", act: () => api.post(`webhooks/deliveries/${row.delivery_id}/redeliver`) }));

async function remove(row) {
  const answer = await dangerous({ title: `Remove the receiver of ${row.company_id}?`, text: "Its secrets go too, and what was to be sent is not sent any more.", action: "Remove", typed: row.company_id, act: () => api.delete(path(row)) });
  if (answer !== null) shown.apply();
}
