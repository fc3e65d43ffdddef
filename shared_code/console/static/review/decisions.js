// Confirm, correct, reject, postpone: what is asked before, what is sent, and who was faster.

import { ask } from "../dialogs.js";
import { el } from "../dom.js";
import { decide, openReview } from "./calls.js";
import { showMoment, showValue } from "./printed.js";
import { kindOf } from "./schema.js";

const REASONS = ["Not an invoice", "Not for this company", "Sent twice", "Cannot be read"];
const TOO_LATE = new Set([409, 412]);
const DONE = { confirm: "Confirmed", correct: "Corrected", reject: "Rejected", postpone: "Postponed" };
const STATES = { confirmed: "confirmed it", corrected: "corrected it", rejected: "rejected it", postponed: "postponed it" };

/** Sends a decision. Returns `{said}` when it counts, `{late: review}` when another one came first. */
export async function send(reading, etag, decision) {
  const corrections = decision.decision === "correct" ? reading.corrections() : [];
  try {
    await decide(reading.review.id, { ...decision, corrections }, etag);
  } catch (error) {
    if (!TOO_LATE.has(error.status)) throw error;
    const { review } = await openReview(reading.review.id);
    return { late: review, error };
  }
  const count = corrections.length;
  return { said: `${DONE[decision.decision]}${count ? `, ${count} ${count === 1 ? "change" : "changes"}` : ""}: ${nameOf(reading.review)}` };
}

export function nameOf(review) {
  return [review.seller, review.invoice_number].filter(Boolean).join(" \u00b7 ") || review.file_label || review.id;
}

/** Asks why; `{decision, reason}` or null. */
export function askReject() {
  const text = el("textarea", { id: "reject-reason", rows: "3", maxlength: "500", required: "", dir: "auto", autofocus: "" });
  const quick = REASONS.map((reason) => {
    const button = el("button", { type: "button", class: "chip" }, reason);
    button.addEventListener("click", () => {
      text.value = reason;
      text.focus();
    });
    return button;
  });
  return ask({
    title: "Reject this document", action: "Reject", danger: true,
    text: [el("label", { for: "reject-reason" }, "Why? Those who sent it will read this."), text, el("div", { class: "chips" }, ...quick)],
    act: () => {
      const reason = text.value.trim();
      text.setCustomValidity(reason ? "" : "Please say why.");
      if (!reason) text.reportValidity();
      return reason ? { decision: "reject", reason } : undefined;
    },
  });
}

/** Asks until when; `{decision, until, reason?}` or null. */
export function askPostpone(now = new Date()) {
  const until = el("input", { id: "postpone-until", type: "datetime-local", min: local(now), value: local(tomorrow(now, 1)), required: "" });
  const why = el("input", { id: "postpone-reason", type: "text", maxlength: "500", dir: "auto", autocomplete: "off" });
  const quick = [["In an hour", new Date(now.getTime() + 3_600_000)], ["Tomorrow", tomorrow(now, 1)], ["In a week", tomorrow(now, 7)]].map(([name, moment]) => {
    const button = el("button", { type: "button", class: "chip" }, name);
    button.addEventListener("click", () => { until.value = local(moment); });
    return button;
  });
  return ask({
    title: "Look at it later", action: "Postpone",
    text: [
      el("label", { for: "postpone-until" }, "It comes back into the queue at"), until, el("div", { class: "chips" }, ...quick),
      el("label", { for: "postpone-reason" }, "Note (not needed)"), why,
    ],
    act: () => {
      const moment = new Date(until.value);
      if (!until.value || moment <= new Date()) {
        until.setCustomValidity("Choose a moment that is still to come.");
        until.reportValidity();
        until.setCustomValidity("");
        return undefined;
      }
      const reason = why.value.trim();
      return { decision: "postpone", until: moment.toISOString(), ...(reason ? { reason } : {}) };
    },
  });
}

function tomorrow(now, days) {
  const day = new Date(now);
  day.setDate(day.getDate() + days);
  day.setHours(8, 0, 0, 0);
  return day;
}

function local(moment) {
  return new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** Says who was faster and what they decided; "next", or null to stay. */
export function tellLate(reading, late) {
  const did = STATES[late.state] ?? "changed it";
  const mine = reading.corrections().length;
  return ask({
    title: "Somebody was faster",
    text: [
      el("p", {}, el("b", { dir: "auto" }, late.decided_by ?? "Somebody else"), ` ${did}${late.decided_at ? `, ${showMoment(late.decided_at)}` : ""}.`),
      ...(late.decision_reason ? [el("p", { dir: "auto" }, `Reason: ${late.decision_reason}`)] : []),
      historyTable(late.history?.at(-1)?.corrections ?? []),
      el("p", {}, mine ? `Your ${mine} ${mine === 1 ? "change was" : "changes were"} not saved.` : "Your decision was not needed."),
    ],
    choices: [{ label: "Next document", value: "next" }], wide: true,
  });
}

/** Corrections as a table; nothing when there are none. */
export function historyTable(corrections) {
  if (!corrections.length) return "";
  const row = (one) => el("tr", {},
    el("th", { scope: "row" }, one.field), el("td", {}, el("del", { dir: "auto" }, text(one.before, one.field))), el("td", {}, el("ins", { dir: "auto" }, text(one.after, one.field))));
  return el("div", { class: "table-scroll" }, el("table", { class: "changes" },
    el("thead", {}, el("tr", {}, ["Field", "Before", "After"].map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, corrections.map(row))));
}

function text(value, field) {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return `${value.length} entries`;
  return typeof value === "object" ? [value.description, value.net_amount].filter(Boolean).join(" \u00b7 ") || "a line" : showValue(value, kindOf(field.replace(/^.*\]\./, "")));
}
