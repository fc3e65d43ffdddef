// What a person has typed and not decided yet, kept in this tab of the browser: an ended session loses nothing.

const PREFIX = "review-draft:";

function key(review) {
  return `${PREFIX}${review.id}:${review.version}`;
}

/** Keeps the work on a reading, or forgets it when nothing is changed. */
export function keep(reading) {
  try {
    if (reading.corrections().length || reading.accepted.size) sessionStorage.setItem(key(reading.review), JSON.stringify(reading.draft()));
    else forget(reading.review);
  } catch {
    // A full or forbidden storage only costs the draft.
  }
}

/** Puts kept work back. Returns whether it changed a value. */
export function restore(reading) {
  try {
    const kept = sessionStorage.getItem(key(reading.review));
    if (!kept) return false;
    reading.restore(JSON.parse(kept));
  } catch {
    return false;
  }
  return reading.corrections().length > 0;
}

export function forget(review) {
  try {
    sessionStorage.removeItem(key(review));
  } catch {
    // see keep
  }
}

/** A choice that stays on this machine, such as whether Tab stops at every field. */
export function choice(name, value) {
  try {
    if (value !== undefined) localStorage.setItem(`review:${name}`, value);
    return localStorage.getItem(`review:${name}`);
  } catch {
    return null;
  }
}
