// Questions in front of the page: they keep the focus, Escape closes them, and the answer is a promise.

import { ApiError, api, may } from "./api.js";
import { el } from "./dom.js";
import * as format from "./format.js";
import { table, toast } from "./ui.js";

/**
 * A dialog with a form; resolves with what act gave, or null when it was closed.
 * @param text a text or nodes. @param fields `[{name, label, type, options, required, help, value, ...attributes}]`.
 * @param action the button that sends the form; without one there is nothing to send.
 * @param act does it, from the values of the fields. An error is shown and the dialog stays; undefined: it just stays.
 * @param choices further buttons: `[{label, value}]`, whose value is the answer.
 * @param typed what must be typed before the form is sent. @param wide for tables.
 */
export function ask({ title, text, fields = [], action, danger = false, act = () => true, typed, choices = [], wide = false }) {
  return new Promise((resolve) => {
    const problem = el("p", { class: "note bad", role: "alert", hidden: true });
    const controls = fields.map(control);
    const proof = typed ? control({ name: "typed", label: `Type ${typed} to confirm`, required: true, pattern: escaped(typed) }) : null;
    const cancel = el("button", { type: "button", on: { click: () => end(null) } }, action || choices.length ? "Cancel" : "Close");
    const others = choices.map(({ label, value }) => el("button", { type: "button", on: { click: () => end(value) } }, label));
    const submit = action ? el("button", { class: danger ? "danger" : "main", type: "submit" }, action) : null;
    const form = el("form", { on: { submit: run, keydown: sendByEnter } },
      el("h2", {}, title), text ? el("div", { class: "text" }, text) : null, controls, proof, problem,
      el("div", { class: "actions" }, cancel, others, submit));
    const dialog = el("dialog", { class: wide ? "ask wide" : "ask", "aria-label": title, on: { cancel: (event) => { event.preventDefault(); end(null); } } }, form);
    const before = document.activeElement;
    document.body.append(dialog);
    dialog.showModal();
    const first = form.querySelector("[autofocus]") ?? form.querySelector("input, select, textarea");
    (first ?? submit ?? cancel).focus();

    async function run(event) {
      event.preventDefault();
      problem.hidden = true;
      if (submit) submit.disabled = true;
      try {
        const result = await act(valuesOf(form, fields));
        if (result !== undefined) return end(result);
      } catch (error) {
        if (!(error instanceof ApiError)) console.error(error);
        problem.textContent = error.message;
        problem.hidden = false;
      }
      if (submit) submit.disabled = false;
    }
    function end(result) {
      dialog.close();
      dialog.remove();
      if (before?.isConnected) before.focus();
      resolve(result);
    }
  });
}

/** Enter sends a text of several lines too; Shift+Enter begins a line. */
function sendByEnter(event) {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || !event.target.matches("textarea")) return;
  event.preventDefault();
  event.currentTarget.requestSubmit();
}

/** Whether a question is open. */
export function isAsking() {
  return document.querySelector("dialog[open]") !== null;
}

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");

function control({ name, label, help, options, value, type, ...attrs }) {
  const id = `ask-${name}`;
  const common = { id, name, ...attrs, "aria-describedby": help ? `${id}-help` : null };
  if (type === "checkbox") {
    return el("div", { class: "field check" }, el("input", { ...common, type, checked: Boolean(value) }), el("label", { for: id }, label),
      help ? el("p", { class: "help", id: `${id}-help` }, help) : null);
  }
  const input = options
    ? el("select", common, options.map(([key, text]) => el("option", { value: key, selected: key === value }, text)))
    : el(type === "textarea" ? "textarea" : "input", { ...common, type: type === "textarea" ? null : type ?? "text", autocomplete: "off", spellcheck: "false" });
  if (!options && value !== undefined && value !== null) input.value = value;
  return el("div", { class: "field" }, el("label", { for: id }, label), input, help ? el("p", { class: "help", id: `${id}-help` }, help) : null);
}

function valuesOf(form, fields) {
  const found = {};
  for (const { name, type } of fields) {
    const input = form.elements.namedItem(name);
    found[name] = type === "checkbox" ? input.checked : type === "number" ? (input.value === "" ? null : Number(input.value)) : input.value.trim();
  }
  return found;
}

/** Asks before something that cannot be undone; shows the audit row that it left, to whoever may see it. */
export async function dangerous(options) {
  const done = await ask({ ...options, danger: true });
  if (done !== null) await showAudit(done.message ?? "Done", done.requestId);
  return done;
}

/** Says what was done, with its row of the audit. */
export async function showAudit(message, requestId) {
  let row = null;
  if (may("see the audit") && requestId) {
    try {
      row = (await api.get(["audit", { request_id: requestId, limit: 1 }])).data.items[0] ?? null;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
  }
  if (row === null) return toast(message);
  await ask({ title: message, text: auditRow(row), action: "Close", act: () => ({}) });
}

/** One row of the audit: who, what, from what to what. */
export function auditRow(row) {
  const names = [...new Set([...Object.keys(row.before ?? {}), ...Object.keys(row.after ?? {})])];
  const shown = (value) => (value === null || value === undefined ? "–" : typeof value === "object" ? JSON.stringify(value) : String(value));
  const changed = names.filter((name) => shown(row.before?.[name]) !== shown(row.after?.[name]));
  return el("div", { class: "audit" },
    el("dl", {}, el("dt", {}, "Audit row"), el("dd", {}, format.number(row.audit_id)), el("dt", {}, "When"), el("dd", {}, format.moment(row.at)),
      el("dt", {}, "Who"), el("dd", {}, row.actor), el("dt", {}, "What"), el("dd", {}, row.action), el("dt", {}, "Of"), el("dd", {}, row.target ?? "–")),
    changed.length === 0 ? null : table("What changed", [
      { title: "Field", value: (name) => name },
      { title: "Before", value: (name) => shown(row.before?.[name]) },
      { title: "After", value: (name) => shown(row.after?.[name]) },
    ], changed));
}
