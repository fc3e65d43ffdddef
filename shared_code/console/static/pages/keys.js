// The companies' keys: how they stand, and what can be done with each.

import { api, may, session } from "../api.js";
import { ask, dangerous, showAudit } from "../dialogs.js";
import { el, put } from "../dom.js";
import * as format from "../format.js";
import { badge, bar, code, filters, list, table, toast, when } from "../ui.js";
import { actions, allowed, button, companyField, content, given, place } from "./common.js";

const STATUSES = ["Active", "BelowThreshold", "FullyUtilized", "Blocked", "Expired", "Exceeded", "Disabled"];
const PROVIDERS = [["Gemini", "Gemini"], ["OpenAI", "OpenAI"]];

const shown = filters(place, [
  ...companyField(),
  { name: "status", label: "Status", options: [["", "All"], ...STATUSES.map((status) => [status, format.words(status)])] },
], (values) => {
  put(content);
  list(content, "tokens", values, (items) => table("Keys", columns, items), { nothing: "There is no such key." });
});
put(actions, allowed("change keys", "Add a key", add, { symbol: "plus", kind: "main" }));

const columns = [
  { title: "Key", value: (row) => el("span", {}, `…${row.api_key_hint ?? "?"} `, el("span", { class: "help" }, `${row.provider ?? "Gemini"} · ${row.token_id}`)) },
  { title: "Company", value: (row) => el("span", {}, row.company_id ?? "–", row.company_name ? el("span", { class: "help" }, ` ${row.company_name}`) : null) },
  { title: "Status", value: status },
  { title: "Used", value: used },
  { title: "Runs out", class: "nowrap", value: (row) => format.day(row.run_out_day) },
  { title: "Ends", value: (row) => (row.expires_at ? when(row.expires_at) : "–") },
  ...(may("change keys") ? [{ title: "Actions", numeric: true, value: deeds }] : []),
];

function status(row) {
  const rests = row.cooldown_until && new Date(row.cooldown_until) > new Date();
  return el("span", {}, badge(row.status), rests ? el("span", { class: "help" }, " rests, back ", when(row.cooldown_until)) : null,
    row.in_plain_text ? el("span", { class: "help" }, " not encrypted yet") : null);
}

function used(row) {
  if (row.total_token_limit === null) return `${format.number(row.used_tokens)} · no limit`;
  const text = `${format.number(row.used_tokens)} of ${format.number(row.total_token_limit)} tokens used, ${format.number(row.reserved_tokens)} held by running calls`;
  return el("span", { class: "used" }, bar(row.used_tokens + row.reserved_tokens, row.total_token_limit, text),
    el("span", { class: "help" }, `${format.short(row.remaining_tokens)} left of ${format.short(row.total_token_limit)}`));
}

function deeds(row) {
  const name = `key ${row.token_id}`;
  const blocked = row.status === "Blocked" || row.status === "Disabled";
  const one = (text, act, kind = "small") => button(text, () => act(row), { kind, label: `${text} ${name}` });
  return el("span", { class: "actions" }, one("Test", test), one("Change", change), one("Rotate", rotate),
    blocked || row.status !== "Active" ? one("Activate", activate) : null, blocked ? null : one("Block", block, "small danger"));
}

async function done(answer) {
  if (answer === null) return;
  await showAudit(answer.message, answer.requestId);
  shown.apply();
}

/** The key as it is now, with the version that a change is made of. */
const fresh = (row) => api.get(`tokens/${row.token_id}`);

async function add() {
  await done(await ask({
    title: "Add a key", action: "Add",
    fields: [
      ...(session.company_id === null ? [{ name: "company_id", label: "Company", required: true, maxlength: 50, list: "companies", value: shown.values().company_id }] : []),
      { name: "api_key", label: "The provider's key", type: "password", required: true, help: "It is stored encrypted and never shown again." },
      { name: "provider", label: "Provider", options: PROVIDERS },
      { name: "company_name", label: "Name of the company", maxlength: 200 },
      { name: "total_token_limit", label: "Limit in tokens, for life", type: "number", min: 0, help: "Empty: no limit." },
      { name: "threshold", label: "Low below, in tokens", type: "number", min: 0 },
    ],
    act: (values) => api.post("tokens", { ...Object.fromEntries(Object.entries(values).filter(([, value]) => value !== "" && value !== null)), company_id: values.company_id ?? session.company_id }),
  }));
}

async function test(row) {
  toast(`Asking ${row.provider ?? "Gemini"} …`);
  try {
    const { data } = await api.post(`tokens/${row.token_id}/test`);
    toast(`${data.message} (${format.duration(data.milliseconds)})`, data.accepted ? "good" : "bad");
  } catch (error) {
    toast(error.message, "bad");
  }
}

async function change(row) {
  const { data, etag } = await fresh(row);
  await done(await ask({
    title: `Change key …${data.api_key_hint ?? data.token_id}`, action: "Save",
    fields: [
      { name: "total_token_limit", label: "Limit in tokens, for life", type: "number", min: 0, value: data.total_token_limit, help: "Empty: no limit. A lowered one binds new calls." },
      { name: "threshold", label: "Low below, in tokens", type: "number", min: 0, value: data.threshold },
      { name: "company_name", label: "Name of the company", maxlength: 200, value: data.company_name },
      { name: "provider_project", label: "Project at the provider", maxlength: 100, value: data.provider_project },
      { name: "expires_at", label: "Ends at (UTC)", type: "datetime-local", value: data.expires_at?.slice(0, 16), help: "Empty: it does not end by itself." },
    ],
    act: (values) => api.patch(`tokens/${row.token_id}`, { ...values, threshold: values.threshold ?? undefined, company_name: given(values.company_name),
      provider_project: given(values.provider_project), expires_at: given(values.expires_at) }, { etag }),
  }));
}

async function rotate(row) {
  const { etag } = await fresh(row);
  await done(await ask({
    title: `A new key in place of …${row.api_key_hint ?? row.token_id}`, action: "Rotate", text: "Limit, use and history stay. Calls that run end with the old key.",
    fields: [{ name: "api_key", label: "The new key", type: "password", required: true }],
    act: (values) => api.post(`tokens/${row.token_id}/rotate`, values, { etag }),
  }));
}

async function activate(row) {
  const { etag } = await fresh(row);
  await done(await ask({ title: `Put key ${row.token_id} back into service?`, text: "It also ends its rest.", action: "Activate", act: () => api.post(`tokens/${row.token_id}/activate`, undefined, { etag }) }));
}

async function block(row) {
  const { etag } = await fresh(row);
  const answer = await dangerous({
    title: `Block key …${row.api_key_hint ?? row.token_id}?`, action: "Block",
    text: el("div", {}, el("p", {}, `Company ${row.company_id ?? "–"} is not served by it any more, from the next call on. It can be activated again.`), el("p", {}, code(row.api_key_fingerprint ?? ""))),
    act: () => api.post(`tokens/${row.token_id}/block`, undefined, { etag }),
  });
  if (answer !== null) shown.apply();
}
