// The lines of an invoice as a grid: arrows, typing over, new and deleted lines, tables pasted from a spreadsheet.

import { el } from "../dom.js";
import { COLUMNS } from "./schema.js";
import { showValue } from "./printed.js";
import { explanation } from "./explanation.js";
import { readTable } from "./pasted_table.js";

export class LineGrid {
  #columns = [];
  #cells = new Map();

  constructor(desk, index) {
    this.desk = desk;
    this.index = index;
    this.title = el("h3", { id: `lines-${index}` }, "Lines");
    this.why = el("div", { class: "why", id: `lines-why-${index}` });
    this.body = el("tbody");
    this.head = el("tr");
    this.table = el("table", { class: "grid", role: "grid", "aria-labelledby": `lines-${index}`, "aria-describedby": `lines-why-${index}` }, el("thead", {}, this.head), this.body);
    this.scroller = el("div", { class: "grid-scroll" }, this.table);
    this.adder = el("button", { type: "button", class: "add-line", tabindex: "-1" }, "Add a line");
    this.adder.addEventListener("click", () => this.add());
    this.element = el("section", { class: "group lines", "aria-labelledby": `lines-${index}` },
      el("header", {}, this.title), this.scroller, this.adder, this.why);
    // What is cut off depends on the width too.
    new ResizeObserver(() => this.#reach()).observe(this.scroller);
    this.table.addEventListener("paste", (event) => this.#paste(event));
    this.table.addEventListener("click", (event) => this.#click(event));
    this.render();
  }

  get rows() {
    return this.desk.reading.state.lines[this.index];
  }

  /** Draws all lines anew: after one was added, deleted or pasted. */
  render() {
    const focused = this.table.contains(document.activeElement) ? document.activeElement.dataset.slot : null;
    this.drawn = this.rows.map((row) => row.id).join();
    this.#columns = COLUMNS.filter((column) => column.always || this.#uses(column.name));
    this.#cells.clear();
    this.head.replaceChildren(el("th", { scope: "col", class: "number" }, "#"), ...this.#columns.map((column) => el("th", { scope: "col", class: column.kind }, column.label)));
    this.body.replaceChildren(...this.rows.map((row, place) => this.#row(row, place)));
    this.adder.hidden = this.desk.decided;
    this.title.textContent = `Lines (${this.rows.length})`;
    this.refresh();
    if (focused) this.#cells.get(focused)?.input.focus({ preventScroll: true });
  }

  /** Whether a line has got a value in a column that is not shown. */
  lacksColumn() {
    return COLUMNS.some((column) => !this.#columns.includes(column) && this.#uses(column.name));
  }

  /** Whether a line says something in a column; its number says nothing where it only counts. */
  #uses(name) {
    return this.rows.some((row, place) => {
      const value = row.cells[name] ?? null;
      return value !== null && !(name === "line_no" && value === String(place + 1));
    });
  }

  #row(row, place) {
    const remove = el("button", { type: "button", class: "remove", tabindex: "-1", "aria-label": `Delete line ${place + 1}`, title: "Delete this line (Delete on its number)" }, String(place + 1));
    remove.dataset.line = row.id;
    const cells = this.#columns.map((column) => this.#cell(row, column, place));
    return el("tr", { class: row.origin === null ? "added" : "" }, el("th", { scope: "row", class: "number" }, remove), ...cells);
  }

  #cell(row, column, place) {
    const slot = `${this.index}|line_items[${row.id}].${column.name}`;
    const input = el(column.kind === "long" ? "textarea" : "input", {
      ...(column.kind === "long" ? { rows: "1" } : { type: "text" }),
      class: `input ${column.kind}`, dir: "auto", autocomplete: "off", spellcheck: "false", tabindex: "-1",
      "data-slot": slot, "data-kind": column.kind, "aria-label": `${column.label}, line ${place + 1}`,
      ...(column.kind === "amount" ? { inputmode: "decimal" } : {}),
    });
    const cell = el("td", { class: column.kind, role: "gridcell" }, input);
    this.#cells.set(slot, { slot, cell, input, column, state: "" });
    return cell;
  }

  /** Shows values, doubts and changes as they are now. */
  refresh() {
    const { reading, slots } = this.desk;
    const told = [];
    const whole = this.desk.doubtOf(`${this.index}|line_items`);
    for (const known of this.#cells.values()) {
      const { slot, cell, input } = known;
      slots.show(input);
      const doubt = this.desk.doubtOf(slot);
      const open = doubt && !reading.accepted.has(slot);
      if (doubt) input.setAttribute("aria-describedby", whyOf(slot));
      else input.removeAttribute("aria-describedby");
      if (doubt) told.push({ slot, doubt, label: doubt.whole ? "Lines" : input.getAttribute("aria-label"), open });
      const state = `${Boolean(doubt)}|${open}|${reading.isChanged(slot)}|${this.desk.everyField}|${this.desk.decided}`;
      if (state === known.state) continue;
      known.state = state;
      input.readOnly = this.desk.decided;
      input.tabIndex = open || this.desk.everyField ? 0 : -1;
      cell.className = [known.column.kind, doubt ? "doubtful" : "", doubt && !open ? "settled" : "", reading.isChanged(slot) ? "changed" : ""].join(" ").trim();
      cell.title = reading.isChanged(slot) && reading.original(slot) !== null ? `was ${showValue(reading.original(slot), known.column.kind)}` : "";
    }
    this.stops = told.some(({ open }) => open) || this.desk.everyField;
    requestAnimationFrame(() => this.#reach());
    this.adder.tabIndex = (whole && !reading.accepted.has(whole.slot)) || this.desk.everyField ? 0 : -1;
    if (whole) told.unshift({ slot: whole.slot, doubt: whole, label: "Lines", open: true });
    this.#tell(told);
  }

  /** What is cut off must be reached by keys, also where Tab stops at no cell of it. */
  #reach() {
    const cut = !this.stops && this.scroller.scrollWidth > this.scroller.clientWidth;
    if (cut) this.scroller.setAttribute("tabindex", "0");
    else this.scroller.removeAttribute("tabindex");
  }

  #tell(told) {
    const state = JSON.stringify(told.map(({ slot, doubt, open }) => [slot, doubt.reasons, doubt.candidates.length, open]));
    if (state === this.told) return;
    this.told = state;
    const current = this.why.querySelector(".current")?.id;
    this.why.replaceChildren(...told.flatMap(({ slot, doubt, label, open }) => [
      el("div", { class: `line-doubt${open ? "" : " settled"}`, id: whyOf(slot) }, el("b", {}, label), ...explanation(this.desk, slot, doubt, null)),
    ]));
    if (current) this.why.querySelector(`[id="${current}"]`)?.classList.add("current");
  }

  /** Says what is doubtful of the cell in focus, in place of all others. */
  mark(slot) {
    for (const one of this.why.children) one.classList.toggle("current", one.id === whyOf(slot));
  }

  inputOf(slot) {
    if (slot === `${this.index}|line_items`) return this.adder;
    return this.#cells.get(slot)?.input ?? null;
  }

  labelOf(slot) {
    return this.#cells.get(slot)?.input.getAttribute("aria-label") ?? null;
  }

  /** The input or line number next to an element of the grid; null beyond its edge. */
  next(element, right, down) {
    const row = element.closest("tr");
    const cell = element.closest("td, th");
    if (!row || !cell) return null;
    const target = down === 0 ? row : this.body.rows[row.sectionRowIndex + down];
    if (!target) return null;
    return target.cells[cell.cellIndex + right]?.firstElementChild ?? null;
  }

  get first() {
    return this.body.querySelector("[data-slot]") ?? this.adder;
  }

  get last() {
    return this.adder.hidden ? [...this.body.querySelectorAll("[data-slot]")].at(-1) : this.adder;
  }

  add() {
    const [id] = this.desk.reading.addLines(this.index);
    this.#cells.get(`${this.index}|line_items[${id}].description`)?.input.focus();
    this.desk.say("A line was added.");
  }

  /** Deletes a line; the focus goes to the one that takes its place. */
  remove(id) {
    if (this.desk.decided) return;
    const place = this.rows.findIndex((row) => row.id === id);
    this.desk.reading.deleteLine(this.index, id);
    const after = this.body.rows[Math.min(place, this.rows.length - 1)];
    (after?.cells[0].firstElementChild ?? this.adder).focus();
    this.desk.say(`Line ${place + 1} was deleted. Undo brings it back.`);
  }

  #click(event) {
    const line = event.target.closest(".remove")?.dataset.line;
    if (line && event.detail > 0) this.remove(line);
  }

  #paste(event) {
    const input = event.target.closest("[data-slot]");
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (!input || this.desk.decided || !/[\t\n]/.test(text.trim())) return;
    event.preventDefault();
    const { line, column } = this.desk.reading.parts(input.dataset.slot);
    const from = this.#columns.findIndex((one) => one.name === column);
    const { columns, rows, unread } = readTable(text, this.#columns.slice(from), this.desk.habits);
    this.desk.slots.revert(input);
    this.desk.reading.fill(this.index, line, columns, rows);
    this.#cells.get(input.dataset.slot)?.input.focus();
    const left = unread ? ` ${unread} ${unread === 1 ? "cell" : "cells"} could not be read and stayed as they were.` : "";
    this.desk.say(`${rows.length} ${rows.length === 1 ? "line" : "lines"} pasted.${left}`, unread ? "problem" : "");
  }
}

/** The id of what is said about the doubt on a cell. */
function whyOf(slot) {
  return `why-${slot.replace(/[^a-z0-9]+/gi, "-")}`;
}
