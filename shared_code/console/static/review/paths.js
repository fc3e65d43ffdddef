// Paths of values, as the service writes them: "seller.tax_id", "taxes[1].rate", "line_items[0].net_amount".

/** The steps of a path: names and indexes. */
export function steps(path) {
  const found = [];
  for (const match of path.matchAll(/([^.[\]]+)|\[(\d+)\]/g)) {
    found.push(match[2] === undefined ? match[1] : Number(match[2]));
  }
  return found;
}

/** The value at a path; null where something on the way is missing. */
export function valueAt(root, path) {
  let value = root;
  for (const step of steps(path)) {
    if (value === null || value === undefined) return null;
    value = value[step];
  }
  return value === undefined ? null : value;
}

/** Splits "invoices[1].total" into its invoice and the path in it; what names no invoice belongs to the first. */
export function ofInvoice(path) {
  const match = /^invoices\[(\d+)\]\.?(.*)$/.exec(path ?? "");
  return match ? { invoice: Number(match[1]), path: match[2] } : { invoice: 0, path: path ?? "" };
}

/** Splits "line_items[2].net_amount" into index and column; null for everything else. */
export function ofLine(path) {
  const match = /^line_items\[(\d+)\](?:\.(.+))?$/.exec(path);
  return match ? { index: Number(match[1]), column: match[2] ?? "" } : null;
}

/** How a path is written in a correction: of an answer with one invoice without the invoice. */
export function written(path, invoice, several) {
  return several ? `invoices[${invoice}].${path}` : path;
}
