// The parts that pages are made of: states, tables, filters, messages.

import { ApiError, api } from "./api.js";
import { $, el, icon, put } from "./dom.js";
import * as format from "./format.js";

/** A short message at the edge, read out by screen readers. kind: good or bad. */
export function toast(text, kind = "good") {
  const close = el("button", { class: "quiet", type: "button", "aria-label": "Close", on: { click: () => box.remove() } }, icon("close"));
  const box = el("div", { class: `toast ${kind}` }, el("span", {}, text), close);
  $("#toasts").append(box);
  setTimeout(() => box.remove(), kind === "bad" ? 12000 : 6000);
}

/** Shows that something is on its way. */
export const loading = (text = "Loading …") => el("p", { class: "state", "aria-busy": "true" }, text);
/** Shows that there is nothing, and why. */
export const empty = (text, ...more) => el("div", { class: "state" }, el("p", {}, text), ...more);
/** Shows what went wrong, with a way to try again. */
export function failed(error, again) {
  const wait = error.retryAfter ? ` Try again in ${error.retryAfter} seconds.` : "";
  const facts = [error.code, error.requestId && `request ${error.requestId}`].filter(Boolean).join(" · ");
  return el("div", { class: "state bad", role: "alert" },
    el("p", {}, error.message + wait), el("p", { class: "help" }, facts),
    again && error.status !== 403 ? el("button", { type: "button", on: { click: again } }, "Try again") : null);
}

/** Fills a part of the page by work that may fail: loading, then what `work` returns, or the error. */
export async function fill(place, work) {
  if (!place.hasChildNodes()) put(place, loading());
  place.setAttribute("aria-busy", "true");
  try {
    const made = await work();
    if (made !== undefined) put(place, made);
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof ApiError)) console.error(error);
    put(place, failed(error, () => { put(place); fill(place, work); }));
  } finally {
    place.removeAttribute("aria-busy");
  }
}

const TONES = {
  Active: "good", ok: "good", done: "good", delivered: "good", healthy: "good", confirmed: "good", corrected: "good", accepted: "good",
  BelowThreshold: "warn", needs_review: "warn", multiple_invoices: "warn", pending: "warn", postponed: "warn", warning: "warn", degraded: "warn",
  WARNING: "warn", queued: "info", running: "info", info: "info", INFO: "info",
  FullyUtilized: "bad", Blocked: "bad", Expired: "bad", Exceeded: "bad", failed: "bad", rejected: "bad", unhealthy: "bad", error: "bad",
  critical: "bad", ERROR: "bad", CRITICAL: "bad",
};
/** A state as a coloured word. */
export const badge = (code, text) => (code ? el("span", { class: `badge ${TONES[code] ?? ""}` }, text ?? format.words(code)) : "–");

/** A moment: how long ago, with the moment itself in its title. */
export const when = (value) => (value ? el("time", { datetime: value, title: format.moment(value) }, format.ago(value)) : "–");
/** A part of a whole as a bar, coloured when it is nearly full; `plain` is not. label: what is read out. */
export function bar(part, whole, label, { plain = false } = {}) {
  const share = whole > 0 ? Math.min(part / whole, 1) : 0;
  const inner = el("span", { class: plain || share < 0.7 ? "" : share < 0.9 ? "warn" : "bad" });
  inner.style.inlineSize = `${(share * 100).toFixed(1)}%`;
  return el("span", { class: "bar", role: "img", "aria-label": label, title: label }, inner);
}
/** A long id, cut for the eye and whole for copying. */
export function code(text, { cut = 14 } = {}) {
  if (!text) return "–";
  const shown = text.length > cut + 2 ? `${text.slice(0, cut)}…` : text;
  return el("code", { title: text }, shown);
}
/** Copies a text and says so. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied");
  } catch {
    toast("The browser does not let this page copy.", "bad");
  }
}

/** A table. columns: `[{title, value(row), numeric, wide}]`; value gives text or nodes. caption is read out.
 *  options: `href(row)` makes the first cell a link, `rowClass(row)`. */
export function table(caption, columns, rows, { href, rowClass } = {}) {
  const cell = (column, row, first) => {
    const shown = column.value(row);
    const content = first && href?.(row) ? el("a", { href: href(row) }, shown) : shown;
    return el(first ? "th" : "td", { scope: first ? "row" : null, class: column.numeric ? "num" : column.class, "data-title": column.title }, content);
  };
  return el("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": caption },
    el("table", {}, el("caption", { class: "unseen" }, caption),
      el("thead", {}, el("tr", {}, columns.map((column) => el("th", { scope: "col", class: column.numeric ? "num" : null }, column.title)))),
      el("tbody", {}, rows.map((row) => el("tr", { class: rowClass?.(row) }, columns.map((column, index) => cell(column, row, index === 0)))))));
}

/** A list of the API with its next pages. make(items) gives the node of all items so far. */
export async function list(place, path, query, make, { nothing = "Nothing fits." } = {}) {
  let items = [];
  let cursor = null;
  const counter = {};
  place.listing = counter;
  await fill(place, show);

  async function show() {
    const { data } = await api.get([path, { limit: 50, ...query, cursor }]);
    if (place.listing !== counter) return undefined;
    items = [...items, ...data.items];
    cursor = data.next_cursor;
    if (items.length === 0) return empty(nothing);
    const more = cursor === null ? null : el("button", { type: "button", class: "more", on: { click: load } }, "Show more");
    return el("div", {}, make(items), el("p", { class: "help count" }, `${format.number(items.length)} shown`), more);
  }

  async function load(event) {
    event.currentTarget.disabled = true;
    await fill(place, show);
  }
}

/** Asks again every so many seconds and shows what has changed; the same content is a 304, and nothing is drawn anew.
 *  Rests while nobody looks. A fault is shown, and tried again later. Returns `{stop, now}`. */
export function poll(path, seconds, place, make) {
  let etag = null;
  let timer = null;
  let stopped = false;
  let failures = 0;
  const control = {};
  const again = () => {
    clearTimeout(timer);
    if (!stopped && !document.hidden) timer = setTimeout(look, seconds * 1000 * 2 ** Math.min(failures, 5));
  };
  async function look() {
    clearTimeout(timer);
    control.abort?.abort();
    const abort = control.abort = new AbortController();
    try {
      const answer = await api.get(path, { etag, background: etag !== null, signal: abort.signal });
      failures = 0;
      etag = answer.etag;
      if (answer.status !== 304) {
        const made = make(answer.data);
        if (made !== undefined) put(place, made);
      }
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!(error instanceof ApiError)) throw error;
      failures += 1;
      etag = null;
      put(place, failed(error, look));
    }
    again();
  }
  const seen = () => { if (!document.hidden) look(); };
  document.addEventListener("visibilitychange", seen);
  if (!place.hasChildNodes()) put(place, loading());
  look();
  return {
    now: look,
    stop() {
      stopped = true;
      clearTimeout(timer);
      control.abort?.abort();
      document.removeEventListener("visibilitychange", seen);
    },
  };
}

/** Filters that stand in the address, so that a page can be sent to others. fields: `[{name, label, type, options,
 *  more}]`, options as `[value, text]`; those with `more` are folded away. changed(values) is called at once and after
 *  each change. */
export function filters(place, fields, changed) {
  const now = new URLSearchParams(location.search);
  const inputs = fields.map((field) => {
    const attrs = { id: `filter-${field.name}`, name: field.name, placeholder: field.placeholder, list: field.list };
    const value = now.get(field.name) ?? field.value ?? "";
    const input = field.options
      ? el("select", attrs, field.options.map(([key, text]) => el("option", { value: key, selected: key === value }, text)))
      : el("input", { ...attrs, type: field.type ?? "search", value, autocomplete: "off", spellcheck: "false" });
    return el("div", { class: "field" }, el("label", { for: attrs.id }, field.label), input);
  });
  const folded = inputs.filter((_, index) => fields[index].more);
  const open = fields.some((field) => field.more && now.get(field.name));
  const more = folded.length ? el("details", { open }, el("summary", {}, "More filters"), el("div", {}, folded)) : null;
  let timer = null;
  const values = () => Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim()]));
  let applied = null;
  const apply = () => {
    clearTimeout(timer);
    applied = JSON.stringify(values());
    const query = new URLSearchParams();
    for (const field of fields) if (values()[field.name] !== (field.value ?? "")) query.set(field.name, values()[field.name]);
    history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
    changed(values());
  };
  // A field that is left sends a change too: drawing the same list anew would take the link away that is being clicked.
  const applyNew = () => { if (JSON.stringify(values()) !== applied) apply(); };
  const form = el("form", {
    class: "filters", role: "search",
    on: {
      submit: (event) => { event.preventDefault(); apply(); },
      change: applyNew,
      input: (event) => { if (event.target.type === "search") { clearTimeout(timer); timer = setTimeout(applyNew, 400); } },
    },
  }, inputs.filter((_, index) => !fields[index].more), more);
  put(place, form);
  applied = JSON.stringify(values());
  changed(values());
  return { values, apply, form };
}
