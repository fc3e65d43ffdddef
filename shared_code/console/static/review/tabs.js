// The invoices of a document as tabs, each with the number of its doubtful values.

import { el, put } from "../dom.js";

export class Tabs {
  #tabs = [];

  /** @param choose told the index of the tab that was chosen. */
  constructor(element, choose) {
    this.element = element;
    this.chosen = choose;
    element.addEventListener("keydown", (event) => {
      const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!move) return;
      event.preventDefault();
      this.choose((this.current + move + this.#tabs.length) % this.#tabs.length);
      this.#tabs[this.current].focus();
    });
  }

  /** Makes a tab for each panel; none for a single one. */
  show(panels) {
    this.current = 0;
    this.element.hidden = panels.length < 2;
    this.#tabs = panels.length < 2 ? [] : panels.map((panel, index) => {
      const id = `tab-${index}`;
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", id);
      const attributes = { id, type: "button", role: "tab", "aria-controls": panel.id, on: { click: () => this.choose(index) } };
      return el("button", attributes, `Invoice ${index + 1} `, el("span", { class: "badge" }));
    });
    put(this.element, this.#tabs);
    this.#mark();
  }


  /** Shows how many values of each invoice are doubtful. */
  count(openOf) {
    for (const [index, tab] of this.#tabs.entries()) {
      const open = openOf(index);
      const badge = tab.lastElementChild;
      badge.textContent = open ? `${open} doubtful` : "\u2713";
      badge.className = `badge ${open ? "warn" : "good"}`;
    }
  }

  choose(index) {
    if (!this.#tabs[index] || index === this.current) return;
    this.current = index;
    this.#mark();
    this.chosen(index);
  }

  next() {
    if (this.#tabs.length) this.choose((this.current + 1) % this.#tabs.length);
  }

  #mark() {
    for (const [index, tab] of this.#tabs.entries()) {
      tab.setAttribute("aria-selected", String(index === this.current));
      tab.tabIndex = index === this.current ? 0 : -1;
    }
  }
}
