// One document on the screen: pages left, values right, and the links between them.

import { $, el, put } from "../dom.js";
import { keep, choice, restore } from "./drafts.js";
import { equationRows } from "./explanation.js";
import { FieldList } from "./field_list.js";
import { Judgement } from "./judgement.js";
import { LineGrid } from "./line_grid.js";
import { nameOf } from "./decisions.js";
import { PagePointer } from "./page_pointer.js";
import { PageView } from "./page_view.js";
import { pictureAddress, textUnder } from "./calls.js";
import { ofInvoice } from "./paths.js";
import { Reading } from "./reading.js";
import { reasonInWords } from "./reasons.js";
import { showMoment, showTotal, showValue } from "./printed.js";
import { Slots } from "./slots.js";
import { Tabs } from "./tabs.js";

const DECIDED = new Set(["confirmed", "corrected", "rejected"]);
const STATES = { confirmed: "Confirmed", corrected: "Corrected", rejected: "Rejected" };

export class Desk extends EventTarget {
  everyField = choice("every-field") === "yes";
  focusedSlot = null;

  constructor() {
    super();
    this.pages = new PageView($("#pages"), pictureAddress);
    this.pointer = new PagePointer(this.pages, {
      onBox: (slot) => this.focus(slot), onDrag: (page, box) => this.#takeText(page, box),
    });
    this.slots = new Slots($("#invoices"), this);
    this.tabs = new Tabs($("#tabs"), (index) => this.#chooseInvoice(index));
    this.pages.addEventListener("laid", () => { $("#zoom").textContent = `${Math.round(this.pages.zoom * 100)} %`; });
    $("#pages").addEventListener("scroll", () => this.#countPages(), { passive: true });
  }

  /** Shows a review with its pages. */
  show({ review, pages }) {
    this.judgement?.end();
    this.review = review;
    this.decided = DECIDED.has(review.state);
    this.focusedSlot = null;
    this.panels = null;
    this.reading = new Reading(review);
    this.restored = !this.decided && restore(this.reading);
    this.judgement = new Judgement(this.reading);
    this.habits = this.judgement.habits;
    this.slots.invalid.clear();
    this.#head();
    this.showPages(pages);
    this.lists = this.reading.base.map((invoice, index) => new FieldList(this, index, invoice));
    this.grids = this.reading.base.map((_, index) => new LineGrid(this, index));
    this.panels = this.lists.map((list, index) => el("div", { class: "invoice", id: `invoice-${index}`, hidden: index > 0 }, list.element, this.grids[index].element));
    put($("#invoices"), this.panels.length ? this.panels : el("p", { class: "state" }, "The service saw no invoice in this document."));
    this.tabs.show(this.panels);
    this.invoice = 0;
    $("#values").scrollTop = 0;
    this.reading.addEventListener("changed", (event) => this.#changed(event.detail.rows));
    this.reading.addEventListener("accepted", () => { keep(this.reading); this.refresh(); });
    this.judgement.addEventListener("judged", () => this.refresh());
    this.refresh();
    if (this.panels.length) this.judgement.ask();
    this.say(this.restored ? "What you had typed before is here again." : "");
  }

  /** Lets a person decide anew about a document that was decided. */
  reopen() {
    this.decided = false;
    for (const grid of this.grids) grid.render();
    this.refresh();
    $("#anew")?.remove();
    this.say("You can change the values and decide anew.");
    $("#confirm").focus();
  }

  #head() {
    const { review } = this;
    $("#what").textContent = nameOf(review);
    const amount = review.amount ? showTotal(review.amount, review.currency) : "";
    const why = this.decided ? `${STATES[review.state]} by ${review.decided_by ?? "somebody"}${review.decided_at ? `, ${showMoment(review.decided_at)}` : ""}` : reasonInWords(review.reason);
    put($("#facts"), [amount, review.company_id, why].filter(Boolean).join(" \u00b7 "));
    const left = review.position?.left;
    $("#left").textContent = left === undefined || left === null ? "" : left === 0 ? "the last one" : `${left} left`;
  }

  /** Shows the pages, or remembers why there are none. */
  showPages({ pages, kept, reason }) {
    const why = { not_kept: "not_kept", no_pages: "no_pages", too_large: "too_large", unreadable: "unreadable" }[reason] ?? (kept ? "no_pages" : "not_kept");
    $("#review").classList.toggle("without-pages", !pages.length);
    this.withoutPages = pages.length ? null : why;
    this.marked = null;
    this.pages.show(this.review.id, pages);
    this.#countPages();
    if (this.focusedSlot) this.point(this.focusedSlot, null);
    if (this.panels) this.#marks();
  }

  #countPages() {
    const { count, current } = this.pages;
    $("#page-count").textContent = count > 1 ? `Page ${current} of ${count}` : "";
  }

  /** Waits until the first page is seen, and not for ever. */
  pictured() {
    if (this.pages.empty) return Promise.resolve();
    return new Promise((resolve) => {
      this.pages.addEventListener("loaded", resolve, { once: true });
      setTimeout(resolve, 2000);
    });
  }

  #changed(rows) {
    keep(this.reading);
    if (rows) this.#drawLines();
    this.refresh();
    this.judgement.ask();
  }

  #drawLines() {
    for (const grid of this.grids) {
      if (grid.rows.map((row) => row.id).join() !== grid.drawn || grid.lacksColumn()) grid.render();
    }
  }

  /** Shows everything as it is now. */
  refresh() {
    for (const list of this.lists) list.refresh();
    for (const grid of this.grids) grid.refresh();
    this.#equations();
    this.#marks();
    this.tabs.count((index) => this.judgement.open(index).length);
    this.dispatchEvent(new Event("refreshed"));
  }

  #equations() {
    const { equations, refused } = this.judgement;
    for (const [index, list] of this.lists.entries()) {
      const own = (equations ?? []).filter((one) => ofInvoice(one.fields[0]).invoice === index);
      const problem = refused ? [el("p", { class: "equation wrong" }, refused.message)] : [];
      const state = JSON.stringify([own, refused?.message]);
      if (list.told === state) continue;
      list.told = state;
      put(list.equations, problem, equationRows(own, (value) => showValue(value, "amount")));
    }
  }

  #marks() {
    if (this.pages.empty) return;
    const marks = [];
    for (const [path, { page, box, boxes }] of Object.entries(this.judgement.evidence[this.invoice] ?? {})) {
      const slot = page && box ? this.reading.slot(this.invoice, path, this.#delivered()) : null;
      if (!slot || !this.inputOf(slot, false)) continue;
      const doubt = this.doubtOf(slot);
      const level = doubt ? (this.reading.accepted.has(slot) ? "settled" : "low") : this.reading.isChanged(slot) ? "person" : this.levelOf(slot) ?? "plain";
      marks.push({ slot, page, boxes: boxes ?? [box], level, label: this.labelOf(slot) });
    }
    // Most of what is typed changes no box.
    const drawn = marks.map(({ slot, level }) => `${slot} ${level}`).join("\n");
    if (drawn === this.marked) return;
    this.marked = drawn;
    this.pages.mark(marks);
  }

  /** The lines as they were delivered, of which evidence speaks. */
  #delivered() {
    const now = this.reading.state.lines[this.invoice];
    return (this.reading.base[this.invoice].line_items ?? []).map((_, index) => now.find((row) => row.origin === index) ?? { id: `r${index}` });
  }

  doubtOf(slot) {
    return this.judgement.doubtOf(slot);
  }

  /** The element of an e-invoice that a value was read from, with its business term; null for other documents. */
  elementOf(slot) {
    const known = this.judgement.evidenceOf(slot);
    return known?.path ? [known.term, known.path].filter(Boolean).join(" \u00b7 ") : null;
  }

  levelOf(slot) {
    return this.judgement.levelOf(slot);
  }

  /** The input of a slot. @param reveal whether a hidden one is shown for it. */
  inputOf(slot, reveal = true) {
    const index = Number(slot.split("|", 1)[0]);
    if (!this.lists[index]) return null;
    return this.grids[index].inputOf(slot) ?? this.lists[index].inputOf(slot, reveal);
  }

  /** Doubtful values that nobody has looked at, from the top of the screen to its end. */
  openDoubts() {
    const open = this.panels.flatMap((_, index) => this.judgement.open(index)).filter((slot) => this.inputOf(slot));
    return open.toSorted((one, other) => {
      const behind = this.inputOf(one).compareDocumentPosition(this.inputOf(other)) & Node.DOCUMENT_POSITION_PRECEDING;
      return behind ? 1 : -1;
    });
  }

  /** Why values are doubtful that have no input. */
  get strayReasons() {
    return this.judgement.invoices.flatMap((one) => [...one.doubts.values()].filter(({ slot }) => !this.inputOf(slot)).flatMap(({ reasons }) => reasons));
  }

  labelOf(slot) {
    const index = Number(slot.split("|", 1)[0]);
    return this.lists[index].labelOf(slot) ?? this.grids[index].labelOf(slot) ?? "";
  }

  /** Goes to a field; opens its invoice first. */
  focus(slot) {
    const index = Number(slot.split("|", 1)[0]);
    if (index !== this.invoice) this.tabs.choose(index);
    const input = this.inputOf(slot);
    if (!input) return false;
    input.focus();
    return true;
  }

  #chooseInvoice(index) {
    for (const [each, panel] of this.panels.entries()) panel.hidden = each !== index;
    this.invoice = index;
    this.focusedSlot = null;
    this.#marks();
    this.pages.light(null, []);
  }

  /** Called when an input has got the focus: its place on the page is shown. */
  focused(slot, input) {
    this.focusedSlot = slot;
    for (const grid of this.grids) grid.mark(slot);
    this.#reveal(input);
    this.point(slot, null);
  }

  #reveal(input) {
    const row = input.closest(".field, tr");
    row.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** Lights places on the pages; without any those of the value itself. */
  point(slot, places) {
    if (this.pages.empty) return;
    const changed = this.reading.state.values[slot];
    const known = this.judgement.evidenceOf(slot);
    const own = changed?.box ? [{ page: changed.page, box: changed.box }] : known?.box ? [{ page: known.page, box: known.box, boxes: known.boxes }] : [];
    this.pages.light(slot, places ?? own);
  }

  takeCandidate(slot, number) {
    const input = this.inputOf(slot);
    if (input !== document.activeElement) this.focus(slot);
    if (this.slots.isSlot(input)) this.slots.take(input, number);
  }

  /** A value while it is typed: the checks may see it already. */
  typing(slot, value) {
    this.judgement.ask(this.reading.preview(slot, value));
  }

  async #takeText(page, box) {
    const slot = this.focusedSlot;
    if (this.decided || !slot) {
      this.say(this.decided ? "" : "Choose a field first, then drag over its text.", "problem");
      return;
    }
    const { review } = this;
    this.say("Reading what stands there \u2026");
    $("#pages").setAttribute("aria-busy", "true");
    try {
      const { text, box: found } = await textUnder(review.id, page, box);
      if (this.review !== review) return;
      this.say("");
      const input = this.inputOf(slot);
      if (!text) this.say("No text stands there. Type the value.", "problem");
      else if (this.slots.put(input, text, { page, box: found ?? box })) {
        this.say(`Taken from page ${page}: ${text}`);
        this.point(slot, [{ page, box: found ?? box }]);
      }
      if (input !== document.activeElement) input.focus();
    } catch (error) {
      this.say(error.message, "problem");
    } finally {
      $("#pages").removeAttribute("aria-busy");
    }
  }

  /** Says something to everybody, aloud for screen readers. @param kind "problem" or "". */
  say(text, kind = "") {
    const place = $("#said");
    place.textContent = text;
    place.className = `said ${kind}`.trim();
  }

  /** Whether Tab stops at all fields, or at the doubtful ones only. */
  toggleEveryField() {
    this.everyField = !this.everyField;
    choice("every-field", this.everyField ? "yes" : "no");
    this.refresh();
    this.say(this.everyField ? "Tab stops at every field." : "Tab stops at doubtful fields only.");
  }
}
