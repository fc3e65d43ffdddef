// Calls the admin API with the session's cookie. Every answer is `{data, etag, message, status, requestId}`; an error is an ApiError.

import { el } from "./dom.js";

const body = document.body.dataset;
/** Address of the console, without a slash behind. */
export const base = body.base;
const manage = base.replace(/\/console$/, "");
/** Who is signed in: `{name, role, company_id, may: [action]}`. */
export const session = body.session ? JSON.parse(body.session) : null;
/** The values in this page's address. */
export const params = body.params ? JSON.parse(body.params) : {};
/** Whether the login may do an action, such as "change keys". */
export const may = (action) => session?.may.includes(action) ?? false;

const tokenTag = document.querySelector('meta[name="console-token"]');
let signingIn = null;

/** What went wrong, as the envelope tells it; status 0 = no answer at all. */
export class ApiError extends Error {
  constructor(status, envelope) {
    super(envelope?.message ?? "The service does not answer. Look at your connection.");
    this.status = status;
    this.code = envelope?.error?.code ?? "NO_ANSWER";
    this.details = envelope?.error?.details ?? {};
    this.retryAfter = envelope?.error?.retry_after_seconds ?? null;
    this.requestId = envelope?.request_id ?? null;
  }
}

/** path: below /api/manage, such as "tokens?limit=5", or `[path, {name: value}]`; empty values are left out.
 *  options: `etag` (If-Match of changes, If-None-Match of reads: `status` is 304 then and `data` null),
 *  `background` (does not keep the session alive), `signal`, `raw` (the Response itself). */
export const api = {
  get: (path, options) => call("GET", path, undefined, options),
  post: (path, content, options) => call("POST", path, content, options),
  put: (path, content, options) => call("PUT", path, content, options),
  patch: (path, content, options) => call("PATCH", path, content, options),
  delete: (path, options) => call("DELETE", path, undefined, options),
  /** The whole address of something below /api/manage, for pictures and downloads. */
  url: (path) => `${manage}/${withQuery(path)}`,
};

function withQuery(path) {
  if (typeof path === "string") return path;
  const [where, values] = path;
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== null && each !== undefined && each !== "") query.append(name, each);
    }
  }
  return query.size ? `${where}?${query}` : where;
}

async function call(method, path, content, options = {}) {
  const headers = { "x-console-token": tokenTag?.content ?? "" };
  if (content !== undefined) headers["content-type"] = "application/json";
  if (options.etag) headers[method === "GET" ? "if-none-match" : "if-match"] = options.etag;
  if (options.background) headers["x-console-background"] = "1";
  let response;
  try {
    response = await fetch(api.url(path), {
      method, headers, signal: options.signal, credentials: "same-origin",
      // ETags are asked for by hand: the browser's own cache would hide a 304.
      cache: "no-store",
      body: content === undefined ? undefined : JSON.stringify(content),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, null);
  }
  if (response.status === 401 && !options.again) {
    if (options.background) throw new ApiError(401, await envelopeOf(response));
    await signInAgain();
    return call(method, path, content, { ...options, again: true });
  }
  if (options.raw && response.ok) return response;
  const etag = response.headers.get("etag");
  if (response.status === 304) return { data: null, etag: etag ?? options.etag, status: 304, message: "", requestId: null };
  const envelope = await envelopeOf(response);
  if (response.status === 403 && envelope?.error?.details?.reason === "token" && !options.again && (await renewedToken())) {
    return call(method, path, content, { ...options, again: true });
  }
  if (!response.ok || !envelope) throw new ApiError(response.status, envelope);
  return { data: envelope.data, etag, status: response.status, message: envelope.message, requestId: envelope.request_id };
}

async function envelopeOf(response) {
  try {
    return await response.json();
  } catch {
    return null;
  }
}

/** Posts to an address of the console itself. */
export async function toConsole(path, content) {
  let response;
  try {
    response = await fetch(`${base}/${path}`, {
      method: "POST", credentials: "same-origin", cache: "no-store", body: JSON.stringify(content),
      headers: { "content-type": "application/json", "x-console-token": tokenTag?.content ?? "" },
    });
  } catch {
    throw new ApiError(0, null);
  }
  const envelope = await envelopeOf(response);
  if (!response.ok) throw new ApiError(response.status, envelope);
  return envelope.data;
}

/** Another tab has signed in: takes over the token of that session, if it is of the same login. */
async function renewedToken() {
  const response = await fetch(`${base}/session`, { credentials: "same-origin", cache: "no-store" }).catch(() => null);
  const now = response?.ok ? (await envelopeOf(response))?.data : null;
  if (now?.name !== session?.name || now?.role !== session?.role || now?.company_id !== session?.company_id) return false;
  tokenTag.content = now.token;
  return true;
}

/** The session has ended: asks for the key in place, so that nothing that was typed is lost. One dialog for all calls. */
function signInAgain() {
  signingIn ??= askForKey().finally(() => { signingIn = null; });
  return signingIn;
}

function askForKey() {
  return new Promise((resolve) => {
    const key = el("input", { id: "again-key", type: "password", autocomplete: "current-password", required: true });
    const problem = el("p", { class: "note bad", role: "alert", hidden: true });
    const there = el("a", { href: `${base}/sign-in?next=${encodeURIComponent(here())}` }, "Sign-in page");
    const form = el("form", { method: "dialog", on: { submit } },
      el("h2", {}, "Your session has ended"),
      el("p", {}, "Sign in again to go on; what you have typed stays."),
      el("label", { for: "again-key" }, "Admin key"), key, problem,
      el("div", { class: "actions" }, there, el("button", { class: "main", type: "submit" }, "Sign in")));
    const dialog = el("dialog", { class: "sign-in-again", on: { cancel: (event) => event.preventDefault() } }, form);
    document.body.append(dialog);
    dialog.showModal();
    key.focus();

    async function submit(event) {
      event.preventDefault();
      problem.hidden = true;
      try {
        const data = await toConsole("sign-in", { key: key.value });
        if (data.role !== session?.role || data.company_id !== session?.company_id) return location.reload();
        tokenTag.content = data.token;
        dialog.close();
        dialog.remove();
        resolve();
      } catch (error) {
        problem.textContent = error.message;
        problem.hidden = false;
        key.select();
      }
    }
  });
}

/** This page's address below the console. */
export function here() {
  return location.pathname.slice(base.length + 1) + location.search;
}
