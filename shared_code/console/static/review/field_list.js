// The fields of one invoice in groups: label, input, how sure the value is, why it is doubtful, what it was before.

import { el } from "../dom.js";
import { choicesOf, groupsOf } from "./schema.js";
import { showValue } from "./printed.js";
import { explanation } from "./explanation.js";

const LEVELS = { high: "sure", medium: "seen, not proven", low: "doubtful" };

export class FieldList {
  #rows = new Map();
  #groups = [];
  #shown = new Set();

  /** @param desk as in Slots, with `slots`, `levelOf(slot)`, `decided`. */
  constructor(desk, index, invoice) {
    this.desk = desk;
    this.index = index;
    this.element = el("div", { class: "fields" });
    for (const group of groupsOf(invoice)) this.#addGroup(group);
    this.refresh();
  }

  /** Where the equations of the sums are shown. */
  equations = el("div", { class: "equations", "aria-live": "polite" });

  #addGroup(group) {
    const rows = el("div", { class: "rows" });
    const more = el("button", { type: "button", class: "more", tabindex: "-1" }, "Show empty fields");
    const id = `group-${this.index}-${group.title.toLowerCase().replaceAll(" ", "-")}`;
    const box = el("section", { class: "group", "aria-labelledby": id }, el("header", {}, el("h3", { id }, group.title), more), rows);
    const made = { box, more, rows: group.rows.map((row) => this.#addRow(row, rows)), open: false };
    more.addEventListener("click", () => {
      made.open = !made.open;
      this.refresh();
    });
    if (group.equations) box.append(this.equations);
    this.#groups.push(made);
    this.element.append(box);
  }

  #addRow({ path, label, group, kind, always }, parent) {
    const slot = `${this.index}|${path}`;
    const id = `f-${this.index}-${path.replace(/[^a-z0-9]+/gi, "-")}`;
    const input = inputOf(kind, path, { id, "data-slot": slot, "data-kind": kind, "aria-describedby": `${id}-why`, tabindex: "-1" });
    const level = el("span", { class: "level" });
    const name = el("label", { for: id }, level, label);
    const why = el("div", { class: "why", id: `${id}-why` });
    const element = el("div", { class: "field" }, name, el("div", { class: "value" }, input, why));
    parent.append(element);
    const row = { slot, path, label, group, kind, always, element, input, level, why, state: "" };
    this.#rows.set(slot, row);
    return row;
  }

  /** The input of a slot; null when it is not here. @param reveal whether a hidden row is shown for it. */
  inputOf(slot, reveal = true) {
    const row = this.#rows.get(slot);
    if (!row) return null;
    if (reveal && row.element.hidden) {
      this.#shown.add(slot);
      this.refresh();
    }
    return row.input;
  }

  /** What a slot is called. */
  labelOf(slot) {
    const row = this.#rows.get(slot);
    return row ? `${["Document", "Amounts"].includes(row.group) ? "" : `${row.group}: `}${row.label}` : null;
  }

  /** All fields by name, for those who look for one. */
  names() {
    return [...this.#rows.values()].map((row) => ({ slot: row.slot, label: this.labelOf(row.slot) }));
  }

  /** Shows values, levels, doubts and changes as they are now. */
  refresh() {
    for (const row of this.#rows.values()) this.#refreshRow(row);
    for (const group of this.#groups) {
      const hidden = group.rows.filter((row) => row.element.hidden).length;
      group.more.hidden = hidden === 0 && !group.open;
      group.more.textContent = group.open ? "Hide empty fields" : `Show ${hidden} empty`;
      group.more.setAttribute("aria-expanded", String(group.open));
      group.box.classList.toggle("vacant", group.rows.every((row) => row.element.hidden));
      for (const row of group.rows) {
        if (group.open) row.element.hidden = false;
      }
    }
  }

  #refreshRow(row) {
    const { reading, slots } = this.desk;
    const doubt = this.desk.doubtOf(row.slot);
    const value = reading.value(row.slot);
    const changed = reading.isChanged(row.slot);
    const open = doubt && !reading.accepted.has(row.slot);
    slots.show(row.input);
    row.input.disabled = this.desk.decided && row.input.matches("select");
    if (!row.input.matches("select")) row.input.readOnly = this.desk.decided;
    row.input.tabIndex = open || this.desk.everyField ? 0 : -1;
    row.element.hidden = value === null && !row.always && !changed && !doubt && !this.#shown.has(row.slot);
    const level = this.desk.levelOf(row.slot) ?? "";
    const state = `${this.desk.decided}|${level}|${changed}|${Boolean(doubt)}|${open}|${doubt?.reasons.join()}|${doubt?.candidates.map((one) => one.shown).join()}`;
    if (state === row.state) return;
    row.state = state;
    row.element.className = ["field", doubt ? "doubtful" : "", doubt && !open ? "settled" : "", changed ? "changed" : ""].join(" ").trim();
    row.level.className = `level ${changed ? "person" : level}`;
    row.level.title = changed ? "changed by you" : LEVELS[level] ?? "";
    const before = changed ? showValue(reading.original(row.slot), row.kind) || "nothing" : null;
    row.why.replaceChildren(...explanation(this.desk, row.slot, doubt, before));
  }
}

function inputOf(kind, path, attributes) {
  const shared = { ...attributes, class: `input ${kind}`, dir: "auto" };
  if (kind === "choice" || kind === "flag") {
    const choices = kind === "flag" ? [["true", "yes"], ["false", "no"]] : choicesOf(path).map((one) => [one, one.replaceAll("_", " ")]);
    return el("select", shared, el("option", { value: "" }, ""), ...choices.map(([value, name]) => el("option", { value }, name)));
  }
  const quiet = { autocomplete: "off", spellcheck: "false", autocapitalize: "off" };
  if (kind === "long") return el("textarea", { ...shared, ...quiet, rows: "1" });
  return el("input", { type: "text", ...shared, ...quiet, ...(kind === "amount" ? { inputmode: "decimal" } : {}) });
}
