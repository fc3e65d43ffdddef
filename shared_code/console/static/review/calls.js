// The calls of the admin API that the review makes.

import { ApiError, api } from "../api.js";

const of = encodeURIComponent;

const data = async (answer) => (await answer).data;

/** The next document of the queue, taken for ten minutes; null when there is none. */
export function takeNext(filter) {
  return data(api.post("reviews/next", Object.fromEntries(Object.entries(filter).filter(([, value]) => value))));
}

export async function openReview(id) {
  const { data: review, etag } = await api.get(`reviews/${of(id)}`);
  return { review, etag };
}

export function take(id) {
  return data(api.post(`reviews/${of(id)}/take`, {}, { background: true }));
}

/** Gives a document back; nobody waits for the answer, also not when the page is left. */
export function release(id) {
  const headers = { "content-type": "application/json", ...token() };
  fetch(api.url(`reviews/${of(id)}/release`), { method: "POST", headers, body: "{}", keepalive: true }).catch(() => {});
}

function token() {
  return { "x-console-token": document.querySelector('meta[name="console-token"]')?.content ?? "" };
}

/** Sends a document to be read. @param query `company_id`, `file_name`, `force`. */
export async function tryDocument(query, file) {
  const headers = { "content-type": "application/octet-stream", ...token() };
  const response = await fetch(api.url(["try", query]), { method: "POST", headers, body: file }).catch(() => null);
  if (response?.status === 401) {
    await api.get("reviews/counts"); // asks to sign in again
    return tryDocument(query, file);
  }
  const envelope = await response?.json().catch(() => null);
  if (!response?.ok) throw new ApiError(response?.status ?? 0, envelope ?? null);
  return envelope.data;
}

/** How far a document is that was sent. */
export function getTried(id) {
  return data(api.get(`try/${of(id)}`));
}

export function check(id, corrections, signal) {
  return data(api.post(`reviews/${of(id)}/check`, { corrections }, { signal }));
}

export function decide(id, decision, etag) {
  return data(api.post(`reviews/${of(id)}/decision`, decision, { etag }));
}

/** The pages of a document: `{pages: [{number, width, height, rotation}], kept, reason}`. */
export function pages(id) {
  return data(api.get(`extractions/${of(id)}/pages`));
}

export function pictureAddress(id, page, width) {
  return api.url(`extractions/${of(id)}/pages/${page}.png?width=${width}`);
}

export function textUnder(id, page, box) {
  return data(api.post(`extractions/${of(id)}/pages/${page}/text`, { box }));
}

export function getReading(id) {
  return data(api.get(`extractions/${of(id)}`));
}
