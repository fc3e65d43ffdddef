// What the service thinks of the values: as it read them at first, and after each change as its checks say.

import { byInvoice, evidenceOf, judged } from "./doubts.js";
import { habitsOf } from "./printed.js";
import { valueAt } from "./paths.js";
import { check } from "./calls.js";

const PAUSE = 200;

export class Judgement extends EventTarget {
  #timer = 0;
  #running = null;

  constructor(reading) {
    super();
    this.reading = reading;
    const { data } = reading.review;
    this.evidence = reading.base.map((invoice) => invoice.evidence ?? {});
    this.habits = habitsOf(this.evidence.flatMap((own, index) => Object.entries(own)
      .map(([path, { text }]) => ({ text, value: valueAt(reading.base[index], path) }))));
    this.equations = null;
    this.document = (data.warnings ?? []).filter((one) => !one.field && !one.resolved);
    this.#take(data, reading.state.lines);
  }

  #take(data, lines) {
    this.invoices = byInvoice(data).map((own, index) => judged(this.reading, index, {
      ...own, rows: lines[index] ?? [], evidence: this.evidence[index] ?? {}, habits: this.habits,
    }));
    if (data.equations) this.equations = data.equations;
  }

  doubtOf(slot) {
    return this.invoices[Number(slot.split("|", 1)[0])]?.doubts.get(slot) ?? null;
  }

  levelOf(slot) {
    return this.invoices[Number(slot.split("|", 1)[0])]?.levels.get(slot) ?? null;
  }

  evidenceOf(slot) {
    return evidenceOf(this.reading, slot, this.evidence[Number(slot.split("|", 1)[0])] ?? {});
  }

  /** Doubtful values of an invoice that nobody has looked at. */
  open(index) {
    return [...(this.invoices[index]?.doubts.keys() ?? [])].filter((slot) => !this.reading.accepted.has(slot));
  }

  /** Remarks on the whole document, in words and each once. */
  get remarks() {
    const all = [...this.document, ...this.invoices.flatMap((one) => one.remarks)];
    return [...new Map(all.filter((one) => one.review !== false || one.code === "copies").map((one) => [one.message, one])).values()];
  }

  /** Asks the service's checks a moment later. @param corrections what they are to see. */
  ask(corrections = this.reading.corrections()) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(corrections), PAUSE);
  }

  /** Asks no more: the document is left. */
  end() {
    clearTimeout(this.#timer);
    this.#running?.abort();
  }

  async #ask(corrections) {
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    const { lines } = this.reading.state;
    try {
      const answer = await check(this.reading.review.id, corrections, running.signal);
      if (running.signal.aborted) return;
      this.#take(answer, lines);
      this.refused = null;
    } catch (error) {
      if (error.name === "AbortError" || running.signal.aborted) return;
      this.refused = error;
    }
    this.dispatchEvent(new Event("judged"));
  }
}
