// The buttons below: which decision fits, whether it may be made now, and making it once.

import { $ } from "../dom.js";
import { ApiError } from "../api.js";
import { askPostpone, askReject, send, tellLate } from "./decisions.js";
import { forget } from "./drafts.js";
import { ofInvoice } from "./paths.js";

/** Nobody has looked at a document before this many milliseconds: a key pressed twice decides only once. */
const LOOK = 200;

export class Decider {
  #busy = false;
  #warned = false;
  #since = 0;
  #etag = null;

  /** @param desk the document; @param go `{decided(said), skip()}`. */
  constructor(desk, go) {
    this.desk = desk;
    this.go = go;
    $("#confirm").addEventListener("click", () => this.decide(true));
    $("#reject").addEventListener("click", () => this.reject());
    $("#postpone").addEventListener("click", () => this.postpone());
    $("#skip").addEventListener("click", () => this.skip());
    desk.addEventListener("refreshed", () => this.#label());
  }

  /** A document was opened. */
  begin({ etag }) {
    this.#etag = etag;
    this.#warned = false;
    this.#busy = false;
    this.#since = performance.now();
    this.#label();
  }

  #label() {
    const { reading, decided } = this.desk;
    const count = reading.corrections().length;
    const button = $("#confirm");
    button.firstChild.textContent = count ? `Save ${count} ${count === 1 ? "change" : "changes"} ` : "Confirm ";
    for (const id of ["confirm", "reject", "postpone"]) $(`#${id}`).hidden = decided;
    $("#skip").firstChild.textContent = decided ? "Next " : "Skip ";
    $("#undo").disabled = !reading.canUndo || decided;
    $("#redo").disabled = !reading.canRedo || decided;
  }

  /** Confirms, or saves what was changed. @param ask whether doubtful values that are left are pointed out first. */
  async decide(ask = true) {
    const { desk } = this;
    if (this.#busy || desk.decided || performance.now() - this.#since < LOOK) return;
    const active = document.activeElement;
    if (desk.slots.isSlot(active) && !desk.slots.commit(active)) return;
    const [bad] = desk.slots.invalid.keys();
    if (bad) {
      desk.focus(bad);
      desk.say(`${desk.labelOf(bad)} is not a value yet.`, "problem");
      return;
    }
    const open = desk.openDoubts();
    if (ask && open.length && !this.#warned) {
      this.#warned = true;
      desk.focus(open[0]);
      desk.say(`${open.length} doubtful ${open.length === 1 ? "value is" : "values are"} left. Once more confirms ${open.length === 1 ? "it" : "them"} too.`, "problem");
      return;
    }
    await this.#send({ decision: desk.reading.corrections().length ? "correct" : "confirm" });
  }

  async reject() {
    if (this.#busy || this.desk.decided) return;
    const decision = await askReject();
    if (decision) await this.#send(decision);
  }

  async postpone() {
    if (this.#busy || this.desk.decided) return;
    const decision = await askPostpone();
    if (decision) await this.#send(decision);
  }

  async skip() {
    if (this.#busy) return;
    this.#busy = true;
    await this.go.skip();
    this.#busy = false;
  }

  async #send(decision) {
    const { desk } = this;
    this.#busy = true;
    $("#review").setAttribute("aria-busy", "true");
    try {
      const result = await send(desk.reading, this.#etag, decision);
      if (result.late) {
        await this.#tooLate(result.late);
        return;
      }
      forget(desk.review);
      await this.go.decided(result.said);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#pointAt(error.details.field);
      desk.say(error.message, "problem");
    } finally {
      this.#busy = false;
      $("#review").removeAttribute("aria-busy");
    }
  }

  /** Goes to the value that was refused, if it is one. */
  #pointAt(field) {
    if (!field || !/^[a-z_]/.test(field)) return;
    const { invoice, path } = ofInvoice(field);
    const slot = this.desk.reading.slot(invoice, path);
    if (slot && this.desk.inputOf(slot)) this.desk.focus(slot);
  }

  async #tooLate(late) {
    const chosen = await tellLate(this.desk.reading, late);
    this.#busy = false;
    if (chosen === "next") await this.go.skip();
    else this.desk.say("This document was decided by somebody else.", "problem");
  }
}
