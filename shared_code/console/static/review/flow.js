// From one document to the next: the next one is taken and its first page fetched while this one is looked at.

import { openReview, pages, pictureAddress, release, take, takeNext } from "./calls.js";

/** A taken document is ours for ten minutes; it is taken again in time. */
const RENEW = 4 * 60 * 1000;
const OLD = 8 * 60 * 1000;

export class Flow {
  #ahead = null;
  #renewal = 0;

  /** @param filter what the queue was narrowed to: `company_id`, `reason`, `order`. */
  constructor(filter) {
    this.filter = filter;
  }

  /** Everything that is needed to show a review: `{review, etag, pages}`. */
  async open(id) {
    const [{ review, etag }, shown] = await Promise.all([reviewOf(id), pagesOf(id)]);
    return { review, etag, pages: shown };
  }

  /** The pages of a document. */
  pages(id) {
    return pagesOf(id);
  }

  /** Marks the document as ours; whoever has it otherwise, or null. */
  async hold(id) {
    clearInterval(this.#renewal);
    this.#renewal = setInterval(() => take(id).catch(() => {}), RENEW);
    return take(id);
  }

  /** Fetches the next document in the background. @param width of the picture of its first page. */
  prefetch(after, width) {
    if (this.#ahead?.after === after) return;
    this.#drop();
    const ahead = { after, at: Date.now(), id: null, ready: null };
    ahead.ready = this.#fetch(ahead, width);
    ahead.ready.catch(() => {});
    this.#ahead = ahead;
  }

  async #fetch(ahead, width) {
    const next = await takeNext({ ...this.filter, after: ahead.after });
    if (!next) return null;
    ahead.id = next.id;
    const opened = await this.open(next.id);
    if (opened.pages.kept && opened.pages.pages.length) {
      new Image().src = pictureAddress(next.id, opened.pages.pages[0].number, width);
    }
    return opened;
  }

  /** The next document, or null when nothing is left. */
  async next(after) {
    const ahead = this.#ahead;
    this.#ahead = null;
    if (ahead && ahead.after === after && Date.now() - ahead.at < OLD) {
      const found = await ahead.ready.catch(() => null);
      if (found) return found;
    }
    const next = await takeNext({ ...this.filter, after });
    return next && next.id !== after ? this.open(next.id) : null;
  }

  /** Gives a document back to the others. */
  putBack(id) {
    release(id);
  }

  #drop() {
    if (this.#ahead?.id) release(this.#ahead.id);
    this.#ahead = null;
  }

  /** Gives back what was taken and not decided. */
  leave(id) {
    clearInterval(this.#renewal);
    this.#drop();
    if (id) release(id);
  }
}

/** A reading that nobody had to look at gets a review by being taken. */
async function reviewOf(id) {
  try {
    return await openReview(id);
  } catch (error) {
    if (error.status !== 404) throw error;
    await take(id);
    return openReview(id);
  }
}

async function pagesOf(id) {
  try {
    return await pages(id);
  } catch (error) {
    if (error.status === 401) throw error;
    return { pages: [], kept: false, reason: error.message };
  }
}
