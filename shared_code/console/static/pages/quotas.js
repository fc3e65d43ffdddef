// Daily and monthly limits of companies, branches and users.

import { api, may, session } from "../api.js";
import { ask, dangerous, showAudit } from "../dialogs.js";
import { el, put } from "../dom.js";
import * as format from "../format.js";
import { bar, filters, list, table, when } from "../ui.js";
import { actions, allowed, button, companyField, content, place } from "./common.js";

const SCOPES = [["company", "Whole company"], ["branch", "Branch"], ["user", "User"]];

const shown = filters(place, [...companyField(), { name: "scope", label: "Of", options: [["", "All"], ...SCOPES] }], (values) => {
  put(content);
  list(content, "quotas", values, (items) => table("Quotas", columns, items), { nothing: "There is no such quota: nothing but the keys limits these calls." });
});
put(actions, allowed("change quotas", "Add a quota", add, { symbol: "plus", kind: "main" }));

const columns = [
  { title: "Whose", value: (row) => (row.subject === null ? "Whole company" : `${format.words(row.scope)} ${row.subject}`) },
  { title: "Company", value: (row) => row.company_id },
  { title: "Today", value: (row) => period(row.daily_used, row.daily_reserved, row.daily_limit, row.daily_resets_at) },
  { title: "This month", value: (row) => period(row.monthly_used, row.monthly_reserved, row.monthly_limit, row.monthly_resets_at) },
  { title: "Runs out", value: (row) => format.day(row.run_out_day) },
  ...(may("change quotas") ? [{ title: "Actions", numeric: true, value: deeds }] : []),
];

function period(used, reserved, limit, resets) {
  if (limit === null) return `${format.number(used)} · no limit`;
  return el("span", { class: "used" }, bar(used + reserved, limit, `${format.number(used)} of ${format.number(limit)} tokens used`),
    el("span", { class: "help" }, `${format.short(used)} of ${format.short(limit)}, anew `, when(resets)));
}

function deeds(row) {
  const one = (text, act, kind = "small") => button(text, () => act(row), { kind, label: `${text} quota ${row.quota_id}` });
  return el("span", { class: "actions" }, one("Change", change), one("Begin anew", reset), one("Delete", remove, "small danger"));
}

async function done(answer) {
  if (answer === null) return;
  await showAudit(answer.message, answer.requestId);
  shown.apply();
}

const fresh = (row) => api.get(`quotas/${row.quota_id}`);
const limits = (data) => [
  { name: "daily_limit", label: "Tokens a day", type: "number", min: 0, value: data?.daily_limit, help: "Empty: no limit." },
  { name: "monthly_limit", label: "Tokens a month", type: "number", min: 0, value: data?.monthly_limit, help: "Empty: no limit. One of the two is needed." },
];

async function add() {
  await done(await ask({
    title: "Add a quota", action: "Add",
    fields: [
      ...(session.company_id === null ? [{ name: "company_id", label: "Company", required: true, maxlength: 50, list: "companies", value: shown.values().company_id }] : []),
      { name: "scope", label: "Of", options: SCOPES },
      { name: "subject", label: "Name of the branch or user", maxlength: 100, help: "As uploads give it; empty for the whole company." },
      ...limits(),
    ],
    act: (values) => api.post("quotas", {
      company_id: values.company_id ?? session.company_id, scope: values.scope, ...(values.scope === "company" ? {} : { subject: values.subject }),
      ...Object.fromEntries(["daily_limit", "monthly_limit"].filter((name) => values[name] !== null).map((name) => [name, values[name]])),
    }),
  }));
}

async function change(row) {
  const { data, etag } = await fresh(row);
  await done(await ask({ title: `Change quota ${row.quota_id}`, action: "Save", fields: limits(data), act: (values) => api.patch(`quotas/${row.quota_id}`, values, { etag }) }));
}

async function reset(row) {
  const { etag } = await fresh(row);
  await done(await ask({ title: `Let quota ${row.quota_id} begin at zero again?`, text: "Its running day and month count from zero. Usage reports do not change.", action: "Begin anew",
    act: () => api.post(`quotas/${row.quota_id}/reset`, undefined, { etag }) }));
}

async function remove(row) {
  const { etag } = await fresh(row);
  const answer = await dangerous({ title: `Delete quota ${row.quota_id}?`, text: `It does not limit ${row.company_id} any more.`, action: "Delete",
    act: () => api.delete(`quotas/${row.quota_id}`, { etag }) });
  if (answer !== null) shown.apply();
}
