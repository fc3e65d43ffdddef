// What all inputs of values have in common, in the list of fields and in the grid of lines: everything is selected when
// one gets the focus, so that typing replaces it; a number takes a candidate; leaving it puts the value into the reading.

import { readValue, showValue } from "./printed.js";

const PROBLEMS = {
  amount: "This is not an amount. Write it like 1234.50.",
  date: "This is not a date. Write it like 2026-03-31.",
  code: "This is not a code. Currencies have three letters, countries two.",
};

export class Slots {
  #modes = new WeakMap();
  /** What stands in inputs that nobody edits: a document may have thousands. */
  #drawn = new WeakMap();
  /** Texts that are no values, by slot; nothing is decided while there are some. */
  invalid = new Map();

  /**
   * @param pane the element that holds all inputs, each with data-slot and data-kind.
   * @param desk what the inputs work with: `reading`, `habits`, `doubtOf(slot)`, `focused(slot, input)`, `say(text)`.
   */
  constructor(pane, desk) {
    this.pane = pane;
    this.desk = desk;
    pane.addEventListener("focusin", (event) => this.#focused(event.target));
    pane.addEventListener("focusout", (event) => this.#left(event.target));
    pane.addEventListener("input", (event) => this.#typed(event.target));
    pane.addEventListener("mouseup", (event) => this.#clicked(event));
  }

  /** Whether an element is an input of a value. */
  isSlot(element) {
    return Boolean(element?.matches?.("input[data-slot], textarea[data-slot], select[data-slot]"));
  }

  /** Shows the value of the reading in an input that nobody edits. */
  show(input) {
    const { slot, kind } = input.dataset;
    const value = this.desk.reading.value(slot);
    const problem = this.invalid.get(slot);
    const edited = input === document.activeElement;
    const drawn = this.#drawn.get(input);
    if (!edited && drawn && drawn.value === value && drawn.problem === problem) return;
    if (edited) this.#drawn.delete(input);
    else this.#drawn.set(input, { value, problem });
    if (input.matches("select")) input.value = value === null ? "" : String(value);
    else if (!edited) input.value = problem ?? showValue(value, kind);
    else if (this.mode(input) === "select" && input.value !== this.#asTyped(slot)) this.#open(input);
    input.toggleAttribute("aria-invalid", problem !== undefined);
    if (problem !== undefined) input.setAttribute("aria-invalid", "true");
  }

  /** "select": the next sign replaces all; "edit": the caret stands in the text; "picked": a candidate was taken. */
  mode(input) {
    return this.#modes.get(input)?.mode ?? "select";
  }

  /** The text of a value while it is edited: as the service writes it. */
  #asTyped(slot) {
    const value = this.desk.reading.value(slot);
    return this.invalid.get(slot) ?? (value === null ? "" : String(value));
  }

  #open(input) {
    this.#drawn.delete(input);
    if (!input.matches("select")) {
      input.value = this.#asTyped(input.dataset.slot);
      input.select();
    }
    this.#modes.set(input, { mode: "select", shown: input.value });
  }

  #focused(input) {
    if (!this.isSlot(input)) return;
    this.#open(input);
    this.desk.focused(input.dataset.slot, input);
  }

  #clicked(event) {
    // The first click selects all, like the keyboard; a second one places the caret.
    const input = event.target;
    if (!this.isSlot(input) || input.matches("select") || this.#modes.get(input)?.clicked) return;
    const known = this.#modes.get(input);
    if (known) known.clicked = true;
    if (input.selectionStart === input.selectionEnd) input.select();
  }

  #typed(input) {
    if (!this.isSlot(input)) return;
    const known = this.#modes.get(input);
    if (known) known.mode = "edit";
    if (input.matches("select")) this.commit(input);
    else if (input.dataset.kind === "amount") this.#try(input);
  }

  /** Lets the checks see a value while it is typed, as soon as it is one. */
  #try(input) {
    const value = readValue(input.value, input.dataset.kind, this.desk.habits);
    if (value !== undefined) this.desk.typing(input.dataset.slot, value);
  }

  #left(input) {
    if (!this.isSlot(input)) return;
    this.commit(input);
    this.#modes.delete(input);
    this.show(input);
  }

  /** Puts what stands in an input into the reading. Returns whether it is a value. */
  commit(input, place = null) {
    const { slot, kind } = input.dataset;
    const known = this.#modes.get(input);
    if (known && input.value === known.shown && !place) return !this.invalid.has(slot);
    const value = readValue(input.value, kind, this.desk.habits);
    if (value === undefined) {
      this.invalid.set(slot, input.value);
      input.setAttribute("aria-invalid", "true");
      this.desk.say(PROBLEMS[kind] ?? "This is not a value.", "problem");
      return false;
    }
    this.invalid.delete(slot);
    input.removeAttribute("aria-invalid");
    this.desk.reading.set(slot, value, place);
    if (known) known.shown = input.value;
    return true;
  }

  /** Puts a text from the page into an input, as if it was typed there. */
  put(input, text, place) {
    if (input.matches("select")) return false;
    this.#drawn.delete(input);
    input.value = text;
    const read = this.commit(input, place);
    if (read && input === document.activeElement) this.#open(input);
    return read;
  }

  /** Takes a candidate of the doubt on an input. */
  take(input, number) {
    const candidate = this.desk.doubtOf(input.dataset.slot)?.candidates[number - 1];
    if (!candidate || this.desk.decided) return false;
    this.invalid.delete(input.dataset.slot);
    this.desk.reading.set(input.dataset.slot, candidate.value, candidate.place);
    if (input === document.activeElement) {
      this.#open(input);
      this.#modes.set(input, { mode: "picked", shown: input.value, digit: String(number) });
    }
    this.desk.say(`Taken: ${candidate.shown}`);
    return true;
  }

  /** Handles a number key in an input. Returns whether it took a candidate. */
  number(input, digit) {
    if (this.mode(input) !== "select" || input.matches("select")) return false;
    return this.take(input, Number(digit));
  }

  /** Who types on behind a number key did not mean the candidate: the number is the beginning of what is typed. */
  typesOn(input) {
    const known = this.#modes.get(input);
    if (known?.mode !== "picked") return;
    this.desk.reading.undo();
    input.value = known.digit;
    input.setSelectionRange(1, 1);
    this.#modes.set(input, { mode: "edit", shown: null });
  }

  /** F2: the caret goes into the text, and numbers are numbers. */
  edit(input) {
    if (input.matches("select")) return;
    const known = this.#modes.get(input);
    if (known) known.mode = "edit";
    input.setSelectionRange(input.value.length, input.value.length);
  }

  /** Escape: what was typed goes away. Returns whether there was something. */
  revert(input) {
    const known = this.#modes.get(input);
    const typed = known && (known.mode !== "select" || this.invalid.has(input.dataset.slot));
    if (known?.mode === "picked") this.desk.reading.undo();
    this.invalid.delete(input.dataset.slot);
    this.#open(input);
    this.show(input);
    return Boolean(typed);
  }

  /** Whether something was typed into an input that is not in the reading yet. */
  isTyping(input) {
    const known = this.#modes.get(input);
    return Boolean(known && input.value !== known.shown);
  }
}
