// Which values are doubtful, why in words, and what else the document or the sums say.

import { kindOf } from "./schema.js";
import { ofInvoice } from "./paths.js";
import { readValue, showValue } from "./printed.js";

const MOST_CANDIDATES = 3;
/** Where a person looks for what is wrong with a whole part of an invoice. */
const FIRST_OF = {
  seller: "seller.name", buyer: "buyer.name", taxes: "taxes[0].amount", withholdings: "withholdings[0].amount",
  po_numbers: "po_numbers[0]", payment: "payment.terms", "payment.bank_accounts": "payment.bank_accounts[0].iban",
  original_invoice: "original_invoice.number", india: "india.irn", "india.qr": "india.irn", fiscal: "fiscal.device_id",
};

/** What is thought of the values of one invoice: `{doubts: Map slot -> doubt, levels: Map slot -> level, remarks}`. */
export function judged(reading, index, { warnings, confidence, rows, evidence, habits }) {
  const doubts = new Map();
  const levels = new Map();
  const remarks = [];
  for (const [path, level] of Object.entries(confidence)) {
    const slot = slotOf(reading, index, path, rows);
    levels.set(slot, level);
    // Of a list that is doubted for one of its elements, the element is the doubt.
    if (level === "low" && slot && !warned(warnings, path)) doubtAt(doubts, slot);
  }
  for (const warning of warnings) {
    if (warning.resolved) continue;
    const slot = warning.field ? slotOf(reading, index, warning.field, rows) : null;
    if (slot === null) remarks.push(warning);
    else if (warning.review) {
      const doubt = doubtAt(doubts, slot);
      doubt.warnings.push(warning);
      if (warning.field === "line_items") doubt.whole = true;
      // What is expected of a whole part is no value of the field that stands for it.
      else if (!(warning.field in FIRST_OF)) doubt.expected.push(warning.expected);
    }
  }
  for (const doubt of doubts.values()) {
    const known = evidenceOf(reading, doubt.slot, evidence);
    doubt.reasons = reasonsOf(reading, doubt, known);
    doubt.candidates = candidatesOf(reading, doubt, known, habits);
  }
  return { doubts, levels, remarks };
}

function doubtAt(doubts, slot) {
  if (!doubts.has(slot)) doubts.set(slot, { slot, warnings: [], expected: [], whole: false, reasons: [], candidates: [] });
  return doubts.get(slot);
}

function warned(warnings, path) {
  return warnings.some((one) => one.review && !one.resolved && one.field?.startsWith(path));
}

function slotOf(reading, index, path, rows) {
  if (path === "line_items") {
    const first = rows[0];
    return first ? `${index}|line_items[${first.id}].net_amount` : `${index}|line_items`;
  }
  return reading.slot(index, FIRST_OF[path] ?? path, rows);
}

/** The evidence for a slot; null when nothing is known of it. */
export function evidenceOf(reading, slot, evidence) {
  const path = reading.deliveredPath(slot);
  return (path && evidence[path]) ?? null;
}

function reasonsOf(reading, doubt, known) {
  const said = doubt.warnings.map((warning) => {
    const path = doubt.slot.slice(doubt.slot.indexOf("|") + 1);
    const kind = kindOf(path.replace(/^line_items\[\w+\]\./, ""));
    const value = showValue(reading.original(doubt.slot), kind);
    const facts = [
      warning.expected ? `expected ${showValue(warning.expected, kind)}` : "",
      warning.found && showValue(warning.found, kind) !== value ? `found ${showValue(warning.found, kind)}` : "",
    ].filter(Boolean).join(", ");
    return facts ? `${warning.message.replace(/\.$/, "")} (${facts}).` : warning.message;
  });
  const reason = known?.reason ?? "";
  const repeated = doubt.warnings.some((warning) => reason.toLowerCase().includes(warning.message.toLowerCase().replace(/\.$/, "")));
  const own = repeated ? reason.split(";")[0] : reason;
  if (own) said.push(sentence(own));
  if (!said.length) said.push("The service is not sure of this value.");
  return said;
}

function sentence(text) {
  const trimmed = text.trim();
  return `${trimmed.charAt(0).toUpperCase()}${trimmed.slice(1)}${/[.!?]$/.test(trimmed) ? "" : "."}`;
}

/** At most three other values: what the checks expect first, then what the page prints. */
function candidatesOf(reading, doubt, known, habits) {
  const { path } = reading.parts(doubt.slot);
  const kind = kindOf(path.replace(/^line_items\[\w+\]\./, ""));
  const seen = new Set([JSON.stringify(reading.original(doubt.slot))]);
  const found = [];
  const add = (text, from, place) => {
    const value = readValue(text, kind, habits);
    if (value === undefined || value === null || seen.has(JSON.stringify(value))) return;
    seen.add(JSON.stringify(value));
    found.push({ value, from, place, shown: showValue(value, kind) });
  };
  for (const expected of doubt.expected) {
    if (expected && !/^not (after|before) |[/]/.test(expected)) add(expected, "the checks expect it", null);
  }
  for (const { text, page, box } of known?.candidates ?? []) add(text, `page ${page}`, box ? { page, box } : null);
  return found.slice(0, MOST_CANDIDATES);
}

/** Splits what an answer says of all invoices together by invoice, for answers whose invoices say nothing themselves. */
export function byInvoice(data) {
  return (data.invoices ?? []).map((invoice, index) => {
    if (invoice.warnings) return { warnings: invoice.warnings, confidence: invoice.confidence ?? {} };
    const own = (path) => (data.invoices.length === 1 ? { invoice: 0, path } : ofInvoice(path));
    const warnings = (data.warnings ?? []).map((one) => ({ ...one, at: own(one.field ?? "") }))
      .filter((one) => one.at.invoice === index).map((one) => ({ ...one, field: one.at.path || null }));
    const confidence = Object.fromEntries(Object.entries(data.confidence ?? {}).map(([path, level]) => [own(path), level])
      .filter(([at]) => at.invoice === index).map(([at, level]) => [at.path, level]));
    return { warnings, confidence };
  });
}
