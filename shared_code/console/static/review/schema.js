// The fields of an invoice as people read them: groups, labels, kinds. The schema itself is the service's; a field that
// an answer has and that stands nowhere here is shown under its own name.

import { valueAt } from "./paths.js";

const DOCUMENT_TYPES = ["invoice", "credit_note", "debit_note", "receipt", "proforma", "other"];
const TAX_ID_TYPES = ["GSTIN", "VAT", "TIN", "EIN", "ABN", "OTHER"];

const PARTY = {
  name: "Name", trading_name: "Trading name", tax_id: "Tax number", tax_id_type: "Kind of tax number", pan: "PAN",
  registration_number: "Registration number", address: "Address", city: "City", state: "State", state_code: "State code",
  postal_code: "Postal code", country: "Country", email: "E-mail", phone: "Phone",
};
const TAX = { name: "name", rate: "rate in %", taxable_amount: "taxable", amount: "amount", category: "category" };
const ACCOUNT = {
  account_name: "holder", account_number: "number", iban: "IBAN", bic: "BIC", ifsc: "IFSC", sort_code: "sort code",
  routing_number: "routing number", bank_name: "bank", branch: "branch", upi_id: "UPI", mobile_money: "mobile money",
};
const AMOUNTS = {
  subtotal: "Subtotal", discount_total: "Discount", charges_total: "Charges", net_total: "Net total",
  tax_total: "Tax total", round_off: "Rounding", total: "Total", amount_paid: "Paid", amount_due: "Amount due",
  previous_balance: "Previous balance", tip: "Tip",
};
const LISTS = {
  taxes: { title: "Tax", fields: TAX },
  withholdings: { title: "Withheld", fields: { name: "name", rate: "rate in %", amount: "amount" } },
  "payment.bank_accounts": { title: "Account", fields: ACCOUNT },
  "payment.discounts": { title: "Early payment", fields: { percent: "percent", until: "until", base: "of" } },
};
const GROUPS = [
  { title: "Document", fields: {
    document_type: "Kind", invoice_number: "Invoice number", invoice_date: "Invoice date", due_date: "Due date",
    currency: "Currency", delivery_date: "Delivery date", service_period_start: "Service from",
    service_period_end: "Service until", contract_number: "Contract number",
    "original_invoice.number": "Original invoice", "original_invoice.date": "Its date", exchange_rate: "Exchange rate",
    tax_currency: "Tax currency", tax_total_in_tax_currency: "Tax in tax currency",
  }, texts: { po_numbers: "Order number", delivery_note_numbers: "Delivery note" } },
  { title: "Seller", party: "seller" },
  { title: "Buyer", party: "buyer" },
  { title: "Amounts", fields: AMOUNTS, lists: ["taxes", "withholdings"], equations: true },
  { title: "Payment", fields: {
    "payment.terms": "Terms", "payment.method": "Method", "payment.reference": "Reference",
  }, lists: ["payment.bank_accounts", "payment.discounts"] },
  { title: "Delivered to", party: "ship_to" },
  { title: "Paid to", party: "remit_to" },
  { title: "India", fields: {
    "india.irn": "IRN", "india.ack_number": "Acknowledgement", "india.ack_date": "Acknowledged on",
    "india.place_of_supply": "Place of supply", "india.place_of_supply_code": "Its code", "india.supply_type": "Supply type",
    "india.reverse_charge": "Reverse charge", "india.eway_bill_number": "E-way bill", "india.lut_number": "LUT",
  } },
  { title: "Fiscal device", fields: {
    "fiscal.authority": "Authority", "fiscal.device_id": "Device", "fiscal.receipt_number": "Receipt number",
    "fiscal.signature": "Signature", "fiscal.timestamp": "Time", "fiscal.qr_text": "QR code",
  } },
  { title: "Notes", fields: { notes: "Notes" } },
];

/** Fields that are shown also when they are empty: without them nobody pays. */
const ALWAYS = new Set([
  "invoice_number", "invoice_date", "currency", "seller.name", "seller.tax_id", "buyer.name", "net_total", "tax_total",
  "total",
]);
const DATES = /(^|[._])date$|^service_period_|\.until$/;
const LONG = /(^|\.)(address|notes|terms|description|qr_text)$/;
const CODES = /(^|\.)(currency|tax_currency|country)$/;
const AMOUNT_NAMES = new Set([
  ...Object.keys(AMOUNTS), "exchange_rate", "tax_total_in_tax_currency", "rate", "taxable_amount", "amount", "percent",
  "base", "quantity", "unit_price", "discount_amount", "net_amount", "tax_rate", "tax_amount", "total_amount",
]);

/** Columns of the grid of lines; the first ones always, the others when a line has a value. */
export const COLUMNS = [
  { name: "description", label: "Description", always: true }, { name: "quantity", label: "Quantity", always: true },
  { name: "unit", label: "Unit" }, { name: "unit_price", label: "Unit price", always: true },
  { name: "discount_amount", label: "Discount" }, { name: "net_amount", label: "Net amount", always: true },
  { name: "tax_rate", label: "Tax %" }, { name: "tax_amount", label: "Tax" }, { name: "total_amount", label: "With tax" },
  { name: "product_code", label: "Product code" }, { name: "hsn_sac", label: "HSN/SAC" }, { name: "line_no", label: "Line no." },
  { name: "date", label: "Date" }, { name: "po_number", label: "Order number" },
].map((column) => ({ ...column, kind: kindOf(column.name) }));

/** What a new line is made of. */
export const LINE = Object.freeze({
  ...Object.fromEntries(COLUMNS.map((column) => [column.name, null])), taxes: Object.freeze([]), page: null,
});

/** How a field is read and shown: amount, date, choice, flag, code, long or text. */
export function kindOf(path) {
  const name = path.split(".").pop();
  if (AMOUNT_NAMES.has(name)) return "amount";
  if (DATES.test(path)) return "date";
  if (name === "document_type" || name === "tax_id_type") return "choice";
  if (name === "reverse_charge") return "flag";
  if (CODES.test(path)) return "code";
  return LONG.test(path) ? "long" : "text";
}

/** The values that a field of kind choice may have. */
export function choicesOf(path) {
  return path === "document_type" ? DOCUMENT_TYPES : TAX_ID_TYPES;
}

/** The groups of fields of one invoice: `{title, equations, rows: [{path, label, kind, always}]}`. */
export function groupsOf(invoice) {
  return GROUPS.map((group) => ({ title: group.title, equations: Boolean(group.equations), rows: [...rowsOf(group, invoice)] }));
}

function* rowsOf(group, invoice) {
  if (group.party) {
    for (const [name, label] of Object.entries(PARTY)) yield row(`${group.party}.${name}`, label, group.title);
  }
  for (const [path, label] of Object.entries(group.fields ?? {})) yield row(path, label, group.title);
  for (const [path, label] of Object.entries(group.texts ?? {})) {
    const count = Math.max(1, (valueAt(invoice, path) ?? []).length);
    for (let index = 0; index < count; index += 1) yield row(`${path}[${index}]`, numbered(label, index, count), group.title);
  }
  for (const list of group.lists ?? []) {
    const { title, fields } = LISTS[list];
    const count = Math.max(1, (valueAt(invoice, list) ?? []).length);
    for (let index = 0; index < count; index += 1) {
      const name = numbered(title, index, count);
      for (const [field, label] of Object.entries(fields)) yield row(`${list}[${index}].${field}`, `${name} ${label}`, group.title);
    }
  }
}

function row(path, label, group) {
  return { path, label, group, kind: kindOf(path), always: ALWAYS.has(path) };
}

function numbered(label, index, count) {
  return count > 1 ? `${label} ${index + 1}` : label;
}
