// Readings, found by everything that is known of them.

import { base, may } from "../api.js";
import { put } from "../dom.js";
import * as format from "../format.js";
import { badge, filters, list, table, when } from "../ui.js";
import { companyField, content, place } from "./common.js";

const STATES = [["", "Ended"], ["done", "Done"], ["failed", "Failed"], ["running", "Running"], ["queued", "Queued"], ["cancelled", "Cancelled"]];
const VERDICTS = [["", "All"], ["ok", "OK"], ["needs_review", "Needs review"], ["multiple_invoices", "Multiple invoices"], ["not_an_invoice", "Not an invoice"]];

filters(place, [
  ...companyField(),
  { name: "state", label: "State", options: STATES },
  { name: "status", label: "Verdict", options: VERDICTS },
  { name: "file", label: "File name holds" },
  ...(may("see readings") ? [{ name: "invoice_number", label: "Invoice number" }] : []),
  { name: "requested_by", label: "User" },
  { name: "error_code", more: true, label: "Error code" },
  { name: "request_id", more: true, label: "Request id" },
  { name: "call_id", more: true, label: "Call id" },
  { name: "document_sha256", more: true, label: "SHA-256 of the file" },
  { name: "since", label: "From", type: "date" },
  { name: "until", label: "Up to", type: "date" },
], (values) => {
  put(content);
  const query = { ...values, since: midnight(values.since), until: midnight(values.until, 1) };
  list(content, "extractions", query, (items) => table("Readings", columns, items, { href: (row) => (row.id ? `${base}/extractions/${row.id}` : null) }),
    { nothing: "No reading fits." });
});

const columns = [
  { title: "File", value: (row) => (row.erased_at ? "Erased" : row.file_label ?? row.id ?? `${row.document_sha256.slice(0, 12)}…`) },
  { title: "Company", value: (row) => row.company_id },
  { title: "Came to", value: (row) => (row.state === "done" ? badge(row.status) : badge(row.state, row.error_code ?? undefined)) },
  { title: "Invoice", value: (row) => row.invoice_number ?? "–" },
  { title: "User", value: (row) => row.requested_by ?? "–" },
  { title: "By", value: (row) => row.source ?? "–" },
  { title: "Model", value: (row) => row.model || "–" },
  { title: "When", value: (row) => when(row.finished_at ?? row.created_at) },
];

/** The start of a day in the reader's time zone, or of a later one, as a moment. */
function midnight(day, later = 0) {
  if (!day) return null;
  const [year, month, date] = day.split("-").map(Number);
  return new Date(year, month - 1, date + later).toISOString();
}
