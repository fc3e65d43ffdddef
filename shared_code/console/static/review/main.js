// The review screen: puts its parts together and leads from one document to the next.

import { ApiError, base, params } from "../api.js";
import { $, put } from "../dom.js";
import { failed, toast } from "../ui.js";
import { Decider } from "./decider.js";
import { Desk } from "./desk.js";
import { Flow } from "./flow.js";
import { Keyboard } from "./keyboard.js";
import { openNotices } from "./notices.js";
import { splits } from "./splitter.js";

const query = new URLSearchParams(location.search);
const filter = Object.fromEntries(["company_id", "reason", "order", "min_amount"].map((name) => [name, query.get(name)]));
const flow = new Flow(filter);
const desk = new Desk();
const decider = new Decider(desk, { decided, skip });
const keyboard = new Keyboard(desk, decider);
const FRESH = 60_000;
const AGAIN = 1200;
let shown = null;

/** Shows a document that is there with all that belongs to it. */
async function show(opened) {
  shown = opened;
  document.title = `${opened.review.invoice_number ?? "Review"} \u00b7 Review`;
  desk.show(opened);
  openNotices($("#notices"), desk);
  decider.begin(opened);
  $("#review").removeAttribute("aria-busy");
  keyboard.start();
  lookAgain(opened);
  if (!desk.decided) {
    hold(opened.review);
    await desk.pictured();
    if (shown === opened) flow.prefetch(opened.review.id, desk.pages.asked ?? 1200);
  }
}

/** A copy of a document is kept some moments after it was read: a fresh one is looked for again. */
async function lookAgain(opened, tries = 3) {
  const fresh = Date.now() - new Date(opened.review.created_at).getTime() < FRESH;
  if (opened.pages.reason !== "not_kept" || !fresh || tries === 0) return;
  await new Promise((resolve) => setTimeout(resolve, AGAIN));
  if (shown !== opened) return;
  opened.pages = await flow.pages(opened.review.id);
  if (opened.pages.reason === "not_kept") return lookAgain(opened, tries - 1);
  if (shown !== opened) return;
  desk.showPages(opened.pages);
  openNotices($("#notices"), desk);
}

async function hold(review) {
  try {
    await flow.hold(review.id);
  } catch (error) {
    if (error.status === 409) desk.say(error.message, "problem");
    else if (!(error instanceof ApiError)) throw error;
  }
}

/** Opens a document by its id. */
async function open(id) {
  $("#review").setAttribute("aria-busy", "true");
  try {
    await show(await flow.open(id));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    put($("#invoices"), failed(error, () => open(id)));
    $("#review").removeAttribute("aria-busy");
  }
}

/** After a decision: says what was done and goes on. */
async function decided(said) {
  await next(said);
}

/** On without a decision: the document goes back to the others. */
async function skip() {
  const { id } = shown.review;
  const open = !desk.decided;
  await next();
  if (open && shown.review.id !== id) flow.putBack(id);
}

/** Shows the next document, or that nothing is left. */
async function next(said = "") {
  const { id } = shown.review;
  $("#review").setAttribute("aria-busy", "true");
  let following;
  try {
    following = await flow.next(id);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    $("#review").removeAttribute("aria-busy");
    desk.say(`${said} ${error.message}`.trim(), "problem");
    return;
  }
  if (!following) {
    flow.leave(null);
    sessionStorage.setItem("review-said", said);
    location.assign(`${base}/reviews${location.search}`);
    return;
  }
  history.pushState(null, "", `${base}/reviews/${encodeURIComponent(following.review.id)}${location.search}`);
  await show(following);
  if (said) desk.say(said);
}

addEventListener("popstate", () => {
  const id = decodeURIComponent(location.pathname.split("/").pop());
  if (shown?.review.id !== id) open(id);
});
addEventListener("pagehide", () => flow.leave(shown && !desk.decided ? shown.review.id : null));
addEventListener("pageshow", (event) => { if (event.persisted) open(shown.review.id); });
$("#back").addEventListener("click", (event) => {
  event.currentTarget.href = `${base}/reviews${location.search}`;
});
addEventListener("unhandledrejection", () => toast("Something went wrong. What you typed is kept; reload the page.", "bad"));
splits($("#splitter"), $("#review"));
open(params.id);
