// What several pages of operators share.

import { api, may, session } from "../api.js";
import { $, el, icon, put } from "../dom.js";

export const content = $("#content");
export const place = $("#filters");
export const actions = $("#actions");

const COMPANIES = "companies";

/** The filter by company, with the companies of the last 30 days to choose from; none for a login of one company. */
export function companyField(name = "company_id") {
  return session.company_id === null ? [{ name, label: "Company", placeholder: "All", list: COMPANIES }] : [];
}

const choices = el("datalist", { id: COMPANIES });
document.body.append(choices);
// Asked for when somebody is about to choose: it is a sum over all use.
document.addEventListener("focusin", ({ target }) => {
  if (target.list !== choices || choices.hasChildNodes()) return;
  api.get(["usage", { group_by: "company", limit: 500 }]).then(({ data }) => {
    put(choices, data.items.map((line) => el("option", { value: line.company_id ?? "" })));
  }, () => {});
});

/** A button; a symbol is optional. */
export function button(text, act, { symbol, kind = "", label } = {}) {
  return el("button", { type: "button", class: kind, "aria-label": label, on: { click: act } }, symbol ? icon(symbol) : null, text);
}

/** A button that only those see who may do it. */
export const allowed = (action, text, act, options) => (may(action) ? button(text, act, options) : null);

/** The value of a field that is no longer there when it is empty. */
export const given = (value) => (value === "" ? null : value);
