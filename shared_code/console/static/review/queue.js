// The queue: who waits for a person, narrowed by state, company, reason and amount; and the way into it.

import { ApiError, api, base, session } from "../api.js";
import { $, el, put } from "../dom.js";
import { badge, filters, list, table, toast, when } from "../ui.js";
import { number } from "../format.js";
import { showTotal } from "./printed.js";
import { COMMON, RULES, reasonInWords } from "./reasons.js";

const STATES = [["pending", "Waiting"], ["postponed", "Postponed"], ["confirmed", "Confirmed"], ["corrected", "Corrected"], ["rejected", "Rejected"]];
const ORDERS = [["oldest", "Oldest first"], ["newest", "Newest first"], ["amount", "Largest amount first"]];
const PASSED_ON = ["company_id", "reason", "order", "min_amount"];
const reasons = [...RULES, ...COMMON].map((code) => [code, reasonInWords(code)]);

const FIELDS = [
  { name: "state", label: "State", options: STATES, value: "pending" },
  ...(session?.company_id ? [] : [{ name: "company_id", label: "Company" }]),
  { name: "reason", label: "Reason", options: [["", "Any"], ...reasons] },
  { name: "min_amount", label: "Amount from", type: "text", placeholder: "0.00" },
  { name: "order", label: "Order", options: ORDERS, value: "oldest" },
];

let wanted = {};

function columns() {
  return [
    { title: "Seller", value: (row) => el("span", { dir: "auto" }, row.seller ?? row.file_label ?? "Unknown") },
    { title: "Number", value: (row) => el("span", { dir: "auto" }, row.invoice_number ?? "\u2013") },
    { title: "Amount", numeric: true, value: (row) => (row.amount === null ? "\u2013" : showTotal(row.amount, row.currency)) },
    { title: "Why", value: (row) => reasonInWords(row.reason) },
    ...(session?.company_id ? [] : [{ title: "Company", value: (row) => row.company_id }]),
    { title: "Came", value: (row) => when(row.created_at) },
    { title: "State", value: (row) => [badge(row.state), held(row)] },
  ];
}

function held(row) {
  if (row.decided_by) return el("div", { class: "taken", dir: "auto" }, `by ${row.decided_by}`);
  const taken = row.taken_by && row.taken_until && new Date(row.taken_until) > new Date();
  return taken ? el("div", { class: "taken", dir: "auto" }, `with ${row.taken_by}`) : null;
}

function addressOf(id) {
  const query = new URLSearchParams(PASSED_ON.filter((name) => wanted[name]).map((name) => [name, wanted[name]]));
  return `${base}/reviews/${encodeURIComponent(id)}${query.size ? `?${query}` : ""}`;
}

function show(values) {
  wanted = values;
  put($("#reviews"));
  list($("#reviews"), "reviews", values, (items) => table("Reviews", columns(), items, { href: (row) => addressOf(row.id) }), {
    nothing: "Nothing waits here.",
  });
  counts();
}

async function counts() {
  try {
    const { data } = await api.get(["reviews/counts", { company_id: wanted.company_id, reason: wanted.reason }]);
    put($("#count"), `${number(data.pending ?? 0)} waiting`, data.postponed ? `, ${number(data.postponed)} postponed` : "");
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
}

async function start() {
  const button = $("#start");
  button.disabled = true;
  try {
    const filter = Object.fromEntries(PASSED_ON.filter((name) => wanted[name]).map((name) => [name, wanted[name]]));
    const { data } = await api.post("reviews/next", filter);
    if (data) location.assign(addressOf(data.id));
    else toast("Nothing waits here.");
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    toast(error.message, "bad");
  } finally {
    button.disabled = false;
  }
}

filters($("#filters"), FIELDS, show);
$("#start").addEventListener("click", start);
$("#start").focus();
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, select, textarea");
  if (event.key.toLowerCase() !== "s" || typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  event.preventDefault();
  start();
});
const said = sessionStorage.getItem("review-said");
if (said !== null) {
  sessionStorage.removeItem("review-said");
  toast(`${said}${said ? ". " : ""}Nothing else waits.`);
}
