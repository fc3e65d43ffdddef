// One reading while a person works on it: what was read, what was changed, what was looked at. Each change makes a new
// state, so that undo is the state before. Lines have names ("r0", "n1") that stay when others are deleted.

import { COLUMNS, LINE } from "./schema.js";
import { ofLine, valueAt, written } from "./paths.js";

export class Reading extends EventTarget {
  #parts = new Map();
  #rows = new WeakMap();
  #past = [];
  #future = [];

  /** @param review the data of GET reviews/{id}. */
  constructor(review) {
    super();
    this.review = review;
    this.base = review.data.invoices ?? [];
    this.state = {
      values: {},
      lines: this.base.map((invoice) => (invoice.line_items ?? []).map((cells, index) => ({ id: `r${index}`, origin: index, cells }))),
      next: 1,
    };
    this.accepted = new Set();
  }

  get several() {
    return this.base.length > 1;
  }

  /** The value now. A slot is `invoice|path`; in it lines are named, not counted. */
  value(slot) {
    const { invoice, path, line, column } = this.parts(slot);
    if (line) return this.line(invoice, line)?.cells[column] ?? null;
    return slot in this.state.values ? this.state.values[slot].value : valueAt(this.base[invoice], path);
  }

  /** The value as the service has read it; null in a new line. */
  original(slot) {
    const { invoice, path, line, column } = this.parts(slot);
    if (!line) return valueAt(this.base[invoice], path);
    const origin = this.line(invoice, line)?.origin ?? null;
    return origin === null ? null : this.base[invoice].line_items[origin]?.[column] ?? null;
  }

  parts(slot) {
    if (!this.#parts.has(slot)) this.#parts.set(slot, this.#split(slot));
    return this.#parts.get(slot);
  }

  #split(slot) {
    const bar = slot.indexOf("|");
    const [invoice, path] = [Number(slot.slice(0, bar)), slot.slice(bar + 1)];
    const match = /^line_items\[(\w+)\]\.(\w+)$/.exec(path);
    return { invoice, path, line: match?.[1] ?? null, column: match?.[2] ?? null };
  }

  line(invoice, id) {
    const lines = this.state.lines[invoice];
    if (!lines) return null;
    if (!this.#rows.has(lines)) this.#rows.set(lines, new Map(lines.map((row) => [row.id, row])));
    return this.#rows.get(lines).get(id) ?? null;
  }

  /** The slot of a path of the answer (`rows`: the lines that its indexes count), or of one of its parts. */
  slot(invoice, path, rows = this.state.lines[invoice] ?? []) {
    const line = ofLine(path);
    if (!line) return `${invoice}|${path}`;
    return rows[line.index] ? `${invoice}|line_items[${rows[line.index].id}].${line.column || "net_amount"}` : null;
  }

  /** The path that the delivered answer has for a slot, by which its evidence is found; null for new lines. */
  deliveredPath(slot) {
    const { invoice, path, line, column } = this.parts(slot);
    if (!line) return path;
    const origin = this.line(invoice, line)?.origin ?? null;
    return origin === null ? null : `line_items[${origin}].${column}`;
  }

  isChanged(slot) {
    return !same(this.value(slot), this.original(slot));
  }

  /** Puts a value into a slot. @param place `{page, box}` when it was pointed at. Returns whether it is another one. */
  set(slot, value, place = null) {
    const fresh = !this.accepted.has(slot);
    this.accepted.add(slot);
    if (same(this.value(slot), value)) return false;
    this.#become(this.#with(slot, value, place), fresh ? slot : null);
    return true;
  }

  #with(slot, value, place) {
    const { invoice, line, column } = this.parts(slot);
    if (line) {
      const lines = this.state.lines[invoice].map((row) => row.id === line
        ? { ...row, cells: { ...row.cells, [column]: value }, places: { ...row.places, [column]: place } } : row);
      return { ...this.state, lines: this.state.lines.with(invoice, lines) };
    }
    const values = { ...this.state.values };
    if (same(value, this.original(slot))) delete values[slot];
    else values[slot] = { value, ...(place ?? {}) };
    return { ...this.state, values };
  }

  /** The corrections as they would be with this value in a slot. */
  preview(slot, value) {
    return this.corrections(same(this.value(slot), value) ? this.state : this.#with(slot, value, null));
  }

  /** Adds lines behind the last one; their ids. */
  addLines(invoice, cells = [{}]) {
    let next = this.state.next;
    const added = cells.map((own) => ({ id: `n${next++}`, origin: null, cells: { ...LINE, ...own } }));
    const lines = this.state.lines.with(invoice, [...this.state.lines[invoice], ...added]);
    this.#become({ ...this.state, lines, next });
    return added.map((row) => row.id);
  }

  deleteLine(invoice, id) {
    const lines = this.state.lines.with(invoice, this.state.lines[invoice].filter((row) => row.id !== id));
    this.#become({ ...this.state, lines });
  }

  /** Puts these lines in place of all there are. */
  useLines(invoice, lines) {
    let { next } = this.state;
    const rows = lines.map((cells, index) => {
      const old = this.state.lines[invoice][index] ?? { id: `n${next++}`, origin: null };
      return { ...old, cells: { ...LINE, ...cells } };
    });
    this.#become({ ...this.state, lines: this.state.lines.with(invoice, rows), next });
  }

  /** Puts a table of values into the lines from one cell on; what goes beyond the last line makes new ones. */
  fill(invoice, id, columns, rows) {
    const lines = [...this.state.lines[invoice]];
    let { next } = this.state;
    let at = lines.findIndex((row) => row.id === id);
    if (at < 0) at = lines.length;
    for (const [offset, values] of rows.entries()) {
      const own = Object.fromEntries(columns.map((column, place) => [column, values[place]]).filter(([, value]) => value !== undefined));
      const old = lines[at + offset] ?? { id: `n${next++}`, origin: null, cells: LINE };
      lines[at + offset] = { ...old, cells: { ...old.cells, ...own } };
    }
    this.#become({ ...this.state, lines: this.state.lines.with(invoice, lines), next });
  }

  /** Notes that a person has looked at a value and leaves it as it is. */
  accept(slot) {
    this.accepted.add(slot);
    this.dispatchEvent(new Event("accepted"));
  }

  /** What is to be sent: a list of `{field, value, page?, box?}`. */
  corrections(state = this.state) {
    const found = [];
    const added = new Map();
    for (const [slot, { value, page, box }] of Object.entries(state.values)) {
      const { invoice, path } = this.parts(slot);
      const element = /^(.+\[\d+\])\.(\w+)$/.exec(path);
      if (element && valueAt(this.base[invoice], element[1]) === null) {
        // An element that the list does not have yet is sent as a whole.
        const key = written(element[1], invoice, this.several);
        added.set(key, { ...added.get(key), [element[2]]: value });
      } else found.push({ field: written(path, invoice, this.several), value, ...(box ? { page, box } : {}) });
    }
    found.push(...[...added].map(([field, value]) => ({ field, value })).toSorted((one, other) => (one.field < other.field ? -1 : 1)));
    for (const [invoice, rows] of state.lines.entries()) found.push(...this.#lineCorrections(invoice, rows));
    return found;
  }

  * #lineCorrections(invoice, rows) {
    const before = this.base[invoice].line_items ?? [];
    const field = (index, column) => written(`line_items[${index}]${column ? `.${column}` : ""}`, invoice, this.several);
    const kept = new Set(rows.map((row) => row.origin));
    let next = before.length;
    for (const row of rows) {
      if (row.origin === null) {
        if (Object.values(row.cells).some((value) => value !== null && value.length !== 0)) yield { field: field(next++), value: row.cells };
        continue;
      }
      for (const { name } of COLUMNS) {
        if (same(row.cells[name] ?? null, before[row.origin][name] ?? null)) continue;
        const place = row.places?.[name];
        yield { field: field(row.origin, name), value: row.cells[name], ...(place?.box ? place : {}) };
      }
    }
    // Last and from the end, so that no other index moves before it is used.
    for (const index of [...before.keys()].reverse()) if (!kept.has(index)) yield { field: field(index), value: null };
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  undo() {
    return this.#step(this.#past, this.#future);
  }

  redo() {
    return this.#step(this.#future, this.#past);
  }

  #step(from, to) {
    const step = from.pop();
    if (step === undefined) return false;
    to.push({ state: this.state, slot: step.slot });
    // What was looked at by being changed is doubtful again without the change.
    if (step.slot) this.accepted[from === this.#past ? "delete" : "add"](step.slot);
    this.#show(step.state);
    return true;
  }

  /** @param slot what a person has looked at by this change; null for nothing new. */
  #become(state, slot = null) {
    this.#past.push({ state: this.state, slot });
    this.#future = [];
    this.#show(state);
  }

  #show(state) {
    const before = this.state;
    this.state = state;
    this.dispatchEvent(new CustomEvent("changed", { detail: { rows: before.lines !== state.lines } }));
  }

  /** What is kept in the browser until the decision is made. */
  draft() {
    return { state: this.state, accepted: [...this.accepted] };
  }

  restore(draft) {
    if (draft.state.lines.length !== this.base.length) return;
    this.accepted = new Set(draft.accepted);
    this.#become(draft.state);
  }
}

function same(one, other) {
  return (one ?? null) === (other ?? null);
}
