// Why a reading is in the queue, in words.

import { words } from "../format.js";

const REASONS = {
  everything: "All documents of this company are looked at",
  above_amount: "Above the amount that the company has set",
  new_seller: "A new seller",
  corrected_before: "Read again after it was corrected",
  asked: "Somebody asked for it",
  missing_field: "A value is missing", ungrounded: "A value was not found on the page",
  total_mismatch: "The total does not add up", net_mismatch: "The net total does not add up",
  tax_mismatch: "The tax does not add up", line_mismatch: "A line does not add up",
  lines_incomplete: "Lines do not give the subtotal", due_mismatch: "The amount due does not add up",
  ambiguous_currency: "The currency is not clear", ambiguous_date: "Day and month are not clear",
  ambiguous_amount: "An amount is not clear", qr_mismatch: "The signed code says something else",
  xml_page_mismatch: "XML and page differ", multiple_invoices: "Several invoices in one file",
  bad_vat_id: "A VAT number is not valid", bad_gstin: "A GSTIN is not valid", bad_pan: "A PAN is not valid",
  bad_iban: "An IBAN is not valid", bad_bic: "A BIC is not valid", bad_ifsc: "An IFSC is not valid", bad_irn: "The IRN is not valid",
  impossible_date: "A date that the calendar does not have", future_date: "A date in the future", due_before_issue: "Due before it was issued",
  credit_note_positive: "A credit note without a minus", negative_total: "A total below zero", hidden_text: "Text that nobody sees",
  tax_rate_mismatch: "A tax does not fit its rate", label_differs: "Beside another label", unseen_value: "Only in text that nobody sees",
  duplicate: "Perhaps sent before", similar_invoice: "Perhaps sent before under another number",
  unreadable: "The pages are hard to read", no_invoice_found: "No invoice was found", needs_review: "Needs a look",
};

/** A reason as a person reads it. */
export function reasonInWords(code) {
  return code ? REASONS[code] ?? words(code) : "";
}

/** Reasons that come from rules, for filters. */
export const RULES = ["everything", "above_amount", "new_seller", "corrected_before"];
export const COMMON = Object.keys(REASONS).filter((code) => !RULES.includes(code));
