// All keys of the review. In an input keys type; what they do besides stands in `slotKeys`. Outside of one, single
// letters are commands (they can be switched off); keys with Alt, and those of the browser, are left alone.

import { isAsking } from "../dialogs.js";
import { $ } from "../dom.js";
import { choice } from "./drafts.js";
import { findField } from "./find_field.js";
import { showKeys } from "./key_sheet.js";

export class Keyboard {
  letters = choice("letters") !== "no";

  constructor(desk, decider) {
    this.desk = desk;
    this.decider = decider;
    const { pages } = desk;
    this.actions = {
      zoomIn: () => pages.zoomBy(1), zoomOut: () => pages.zoomBy(-1), fitWidth: () => pages.fit("width"),
      fitPage: () => pages.fit("page"), turnRight: () => pages.turn(1), turnLeft: () => pages.turn(-1),
      touchTakesText: (button) => this.#toggleTouch(button),
      find: () => findField(desk), help: () => showKeys(this), lines: () => desk.grids[desk.invoice]?.first?.focus(),
      nextInvoice: () => desk.tabs.next(), everyField: () => desk.toggleEveryField(),
      confirm: () => decider.decide(), reject: () => decider.reject(), postpone: () => decider.postpone(), skip: () => decider.skip(),
      queue: () => $("#back").click(), undo: () => this.undo(), redo: () => this.redo(),
      nextDoubt: () => this.advance(null), pageDown: () => pages.scrollBy(0.85), pageUp: () => pages.scrollBy(-0.85),
    };
    this.commands = {
      c: "confirm", r: "reject", p: "postpone", n: "skip", q: "queue", u: "undo", y: "redo", "/": "find", f: "find", "?": "help",
      l: "lines", i: "nextInvoice", a: "everyField", "+": "zoomIn", "=": "zoomIn", "-": "zoomOut", 0: "fitPage", w: "fitWidth",
      "]": "turnRight", "[": "turnLeft",
    };
    document.addEventListener("keydown", (event) => this.#key(event));
    for (const id of ["find", "help", "undo", "redo"]) $(`#${id}`).addEventListener("click", () => this.actions[id]());
    $("#pages-bar").addEventListener("click", (event) => {
      const button = event.target.closest("[data-do]");
      if (button) this.actions[button.dataset.do](button);
    });
    $("#pages-bar").addEventListener("keydown", (event) => toolbar(event));
  }

  /** A document was opened: the first doubtful field gets the focus, or the button that confirms. */
  start() {
    const [first] = this.desk.openDoubts();
    if (!first || this.desk.decided || !this.desk.focus(first)) (this.desk.decided ? $("#skip") : $("#confirm")).focus();
  }

  #key(event) {
    if (event.defaultPrevented || event.isComposing || isAsking() || event.altKey) return;
    const command = event.ctrlKey || event.metaKey;
    const inSlot = this.desk.slots.isSlot(event.target);
    const done = command ? this.#withControl(event) : (inSlot ? this.#slotKeys(event) : false) || this.#outside(event, inSlot);
    if (done) event.preventDefault();
  }

  #withControl(event) {
    const key = event.key.toLowerCase();
    if (key === "enter") {
      if (!event.repeat) this.decider.decide();
      return true;
    }
    const typing = event.target.matches("input, textarea") && (!this.desk.slots.isSlot(event.target) || this.desk.slots.isTyping(event.target));
    if (typing || !["z", "y"].includes(key)) return false;
    if (key === "y" || event.shiftKey) this.redo();
    else this.undo();
    return true;
  }

  #slotKeys(event) {
    const { slots } = this.desk;
    const input = event.target;
    const mode = slots.mode(input);
    if (/^[1-3]$/.test(event.key) && slots.number(input, event.key)) return true;
    if (mode === "picked" && event.key.length === 1) slots.typesOn(input);
    switch (event.key) {
      case "Enter":
        if (event.shiftKey && input.matches("textarea")) return false;
        if (event.shiftKey) this.#back(input);
        else if (!event.repeat) this.advance(input);
        return true;
      case "Escape":
        if (!slots.revert(input)) this.#leave(input);
        return true;
      case "F2":
        slots.edit(input);
        return true;
      case "ArrowDown": case "ArrowUp":
        return this.#vertical(input, event.key === "ArrowDown" ? 1 : -1, mode);
      case "ArrowLeft": case "ArrowRight":
        return this.#sideways(input, event.key === "ArrowRight" ? 1 : -1, mode);
      case "PageDown": case "PageUp":
        if (this.desk.pages.empty) return false;
        this.actions[event.key === "PageDown" ? "pageDown" : "pageUp"]();
        return true;
      case "?": case "/":
        if (mode !== "select" || input.matches("select")) return false;
        this.actions[event.key === "?" ? "help" : "find"]();
        return true;
      default:
        return false;
    }
  }

  /** Escape in a field: the focus goes out of it, where single letters are commands. */
  #leave() {
    $("#pages").offsetParent ? $("#pages").focus() : $("#main").focus();
    this.desk.say("Letters are commands now. ? shows them; Enter goes back to the doubtful values.");
  }

  #vertical(input, down, mode) {
    if (mode === "edit" && input.matches("textarea") && input.value.includes("\n")) return false;
    const grid = this.desk.grids[this.desk.invoice];
    if (input.closest("table.grid")) {
      (grid.next(input, 0, down) ?? (down > 0 ? grid.last : this.#fields().at(-1)))?.focus();
      return true;
    }
    const fields = this.#fields();
    const next = fields[fields.indexOf(input) + down];
    (next ?? (down > 0 ? grid.first : null))?.focus();
    return true;
  }

  #sideways(input, right, mode) {
    if (mode === "edit" || !input.closest("table.grid")) return false;
    const next = this.desk.grids[this.desk.invoice].next(input, right, 0);
    next?.focus();
    return true;
  }

  #fields() {
    return [...this.desk.panels[this.desk.invoice].querySelectorAll(".fields [data-slot]")].filter((one) => one.offsetParent);
  }

  #outside(event, inSlot) {
    const { target } = event;
    const grid = target.closest?.("table.grid") ? this.desk.grids[this.desk.invoice] : null;
    if (grid && !inSlot) {
      if (["Delete", "Backspace"].includes(event.key)) {
        grid.remove(target.dataset.line);
        return true;
      }
      const move = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowRight: [1, 0] }[event.key];
      if (move) {
        (grid.next(target, ...move) ?? (event.key === "ArrowDown" ? grid.last : null))?.focus();
        return true;
      }
    }
    if (target.classList?.contains("add-line") && event.key === "ArrowUp") {
      [...this.desk.grids[this.desk.invoice].element.querySelectorAll("tbody [data-slot]")].at(-1)?.focus();
      return true;
    }
    if (inSlot || target.matches?.("input, textarea, select")) return false;
    if (event.key === "Enter" && !target.matches?.("button, a, summary, [role=separator]")) {
      if (!event.repeat) this.advance(null);
      return true;
    }
    if (event.key === "PageDown" || event.key === "PageUp") return this.#pageKeys(event, target);
    if (!this.letters || event.repeat && !"+-=".includes(event.key)) return false;
    const name = this.commands[event.key] ?? this.commands[event.key.toLowerCase()];
    if (!name) return false;
    this.actions[name]();
    return true;
  }

  #pageKeys(event, target) {
    if (this.desk.pages.empty || target === this.desk.pages.scroller) return false;
    this.actions[event.key === "PageDown" ? "pageDown" : "pageUp"]();
    return true;
  }

  /** Enter: the value is right as it stands. Goes to the next doubtful one; behind the last one it decides. */
  advance(input) {
    const { desk, decider } = this;
    if (input && !desk.slots.commit(input)) return;
    const slot = input?.dataset.slot ?? null;
    const settled = slot !== null && desk.doubtOf(slot) !== null;
    if (settled) desk.reading.accept(slot);
    const open = desk.openDoubts();
    const next = open.find((one) => this.#isBehind(one, input)) ?? open[0];
    if (next) desk.focus(next);
    else if (settled && !desk.reading.corrections().length) decider.decide();
    else $("#confirm").focus();
  }

  /** Shift+Enter: to the doubtful value before this one, which stays open. */
  #back(input) {
    if (!this.desk.slots.commit(input)) return;
    const before = this.desk.openDoubts().filter((slot) => slot !== input.dataset.slot && !this.#isBehind(slot, input));
    if (before.length) this.desk.focus(before.at(-1));
  }

  #isBehind(slot, input) {
    const place = this.desk.inputOf(slot);
    return input && place && Boolean(input.compareDocumentPosition(place) & Node.DOCUMENT_POSITION_FOLLOWING);
  }

  undo() {
    if (!this.desk.decided) this.desk.say(this.desk.reading.undo() ? "Undone." : "There is nothing to undo.");
  }

  redo() {
    if (!this.desk.decided) this.desk.say(this.desk.reading.redo() ? "Done again." : "There is nothing to do again.");
  }

  #toggleTouch(button) {
    this.desk.pointer.touchTakesText = !this.desk.pointer.touchTakesText;
    button.setAttribute("aria-pressed", String(this.desk.pointer.touchTakesText));
    $("#pages").classList.toggle("takes-text", this.desk.pointer.touchTakesText);
  }

  toggleLetters() {
    this.letters = !this.letters;
    choice("letters", this.letters ? "yes" : "no");
  }
}

/** In a toolbar the arrows go from button to button, and Tab leaves it. */
function toolbar(event) {
  const buttons = [...event.currentTarget.querySelectorAll("button")].filter((one) => one.offsetParent);
  const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!move) return;
  event.preventDefault();
  const at = buttons.indexOf(document.activeElement);
  buttons[at].tabIndex = -1;
  const next = buttons[(at + move + buttons.length) % buttons.length];
  next.tabIndex = 0;
  next.focus();
}
