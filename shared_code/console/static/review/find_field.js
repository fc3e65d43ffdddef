// Finds a field by the first letters of its name, also one that is empty and hidden.

import { isAsking } from "../dialogs.js";
import { el, put } from "../dom.js";

const MOST = 8;

/** Asks for a name and goes to the field. */
export function findField(desk) {
  if (isAsking() || !desk.lists.length) return;
  const before = document.activeElement;
  const names = desk.lists[desk.invoice].names();
  let found = [];
  let at = 0;
  const list = el("ul", { id: "find-list", role: "listbox", "aria-label": "Fields" });
  const input = el("input", {
    type: "text", role: "combobox", "aria-controls": "find-list", "aria-expanded": "true", "aria-autocomplete": "list",
    "aria-label": "Name of the field", placeholder: "Name of the field", autocomplete: "off", spellcheck: "false",
  });
  const dialog = el("dialog", { class: "find", "aria-label": "Find a field" }, input, list);
  const close = (slot) => {
    dialog.close();
    dialog.remove();
    if (!slot || !desk.focus(slot)) before?.focus?.();
  };
  const show = () => {
    found = ranked(names, input.value).slice(0, MOST);
    at = 0;
    mark();
  };
  const mark = () => {
    put(list, found.map(({ slot, label }, index) => el("li", {
      id: `found-${index}`, role: "option", "aria-selected": String(index === at), on: { click: () => close(slot) },
    }, label)));
    if (found.length) input.setAttribute("aria-activedescendant", `found-${at}`);
    else input.removeAttribute("aria-activedescendant");
  };
  input.addEventListener("input", show);
  input.addEventListener("keydown", (event) => {
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move && found.length) {
      at = (at + move + found.length) % found.length;
      mark();
    } else if (event.key === "Enter") close(found[at]?.slot ?? null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    close(null);
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) close(null); });
  document.body.append(dialog);
  dialog.showModal();
  input.focus();
  show();
}

/** Names that fit best: beginning so, then with a word that does, then with the letters anywhere. */
function ranked(names, text) {
  const wanted = text.trim().toLowerCase();
  const rank = ({ label }) => {
    const name = label.toLowerCase();
    if (name === wanted) return 0;
    if (name.startsWith(wanted)) return 1;
    if (name.split(/[\s:]+/).some((word) => word.startsWith(wanted))) return 2;
    return name.includes(wanted) ? 3 : 9;
  };
  return names.map((one) => [rank(one), one]).filter(([order]) => order < 9)
    .toSorted((one, other) => one[0] - other[0]).map(([, one]) => one);
}
