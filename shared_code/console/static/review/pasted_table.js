// A table from a spreadsheet's clipboard: cells apart by tabs, lines by line ends, quotes around cells that hold either.

import { COLUMNS } from "./schema.js";
import { readValue } from "./printed.js";

/** The cells of a pasted text. */
export function cellsOf(text) {
  const rows = [[]];
  let cell = "";
  let quoted = false;
  const clean = text.replace(/\r\n?/g, "\n").replace(/\n+$/, "");
  for (let at = 0; at < clean.length; at += 1) {
    const sign = clean[at];
    if (quoted) {
      if (sign !== '"') cell += sign;
      else if (clean[at + 1] === '"') cell += clean[at += 1];
      else quoted = false;
    } else if (sign === '"' && cell === "") quoted = true;
    else if (sign === "\t") cell = ended(rows, cell);
    else if (sign === "\n") {
      cell = ended(rows, cell);
      rows.push([]);
    } else cell += sign;
  }
  ended(rows, cell);
  return rows;
}

function ended(rows, cell) {
  rows.at(-1).push(cell);
  return "";
}

/**
 * What a pasted text means in these columns. A first row of column names says which column is which.
 * @returns `{columns: names, rows: values, unread: how many cells are no values}`; undefined leaves a cell as it is.
 */
export function readTable(text, columns, habits) {
  let rows = cellsOf(text);
  let wanted = columns;
  const named = rows[0].map((cell) => COLUMNS.find((column) => [column.name, column.label.toLowerCase()].includes(cell.trim().toLowerCase())));
  if (rows.length > 1 && named.filter(Boolean).length > rows[0].length / 2) {
    wanted = named;
    rows = rows.slice(1);
  }
  let unread = 0;
  const values = rows.map((row) => wanted.slice(0, row.length).map((column, place) => {
    if (!column) return undefined;
    const value = readValue(row[place], column.kind, habits);
    if (value === undefined) unread += 1;
    return value;
  }));
  const known = wanted.map((column) => column?.name ?? "");
  return { columns: known.slice(0, Math.max(...rows.map((row) => row.length))), rows: values, unread };
}
