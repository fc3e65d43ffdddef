// Numbers, money and moments in the browser's language. Money is text and stays text: Intl reads it without loss.

const languages = navigator.languages;
const whole = new Intl.NumberFormat(languages, { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat(languages, { notation: "compact", maximumFractionDigits: 1 });
const share = new Intl.NumberFormat(languages, { style: "percent", maximumFractionDigits: 1 });
const dayForm = new Intl.DateTimeFormat(languages, { dateStyle: "medium", timeZone: "UTC" });
const shortDayForm = new Intl.DateTimeFormat(languages, { day: "numeric", month: "short", timeZone: "UTC" });
const momentForm = new Intl.DateTimeFormat(languages, { dateStyle: "medium", timeStyle: "medium" });
const clockForm = new Intl.DateTimeFormat(languages, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 });
const relativeForm = new Intl.RelativeTimeFormat(languages, { numeric: "auto" });
const NONE = "–";

/** A count; "–" for none. */
export const number = (value) => (value === null || value === undefined ? NONE : whole.format(value));
/** A large count in few characters. */
export const short = (value) => (value === null || value === undefined ? NONE : compact.format(value));
/** A share of 1. */
export const percent = (value) => (value === null || value === undefined || Number.isNaN(value) ? NONE : share.format(value));
/** An amount, a text such as "1592.50". Without a currency: a number with the digits that it has. */
export function money(value, currency) {
  if (value === null || value === undefined || value === "") return NONE;
  const digits = String(value).split(".")[1]?.length ?? 0;
  const fraction = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  try {
    return new Intl.NumberFormat(languages, currency ? { style: "currency", currency, ...fraction } : fraction).format(value);
  } catch {
    return currency ? `${value} ${currency}` : String(value);
  }
}
/** What something cost, in US dollars: cents of a cent where it was little. */
export function cost(value) {
  if (value === null || value === undefined) return NONE;
  const digits = Math.abs(Number(value)) >= 1 ? 2 : 4;
  return new Intl.NumberFormat(languages, { style: "currency", currency: "USD", minimumFractionDigits: Number(value) === 0 ? 2 : digits, maximumFractionDigits: digits }).format(value);
}
/** What is no moment is shown as it stands. */
function written(form, value) {
  if (!value) return NONE;
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? String(value) : form.format(date);
}
/** A day that no calendar has ("2026-02-30") is shown as it stands: a browser would make another one of it. */
function writtenDay(form, value) {
  if (!value) return NONE;
  const date = new Date(`${value}T00:00:00Z`);
  return Number.isNaN(date.getTime()) || date.toISOString().slice(0, 10) !== value ? String(value) : form.format(date);
}
/** A calendar day "2026-11-21", which has no time zone. */
export const day = (value) => writtenDay(dayForm, value);
export const shortDay = (value) => writtenDay(shortDayForm, value);
/** A moment, in the reader's time zone. */
export const moment = (value) => written(momentForm, value);
export const clock = (value) => written(clockForm, value);
/** A number with so many decimals. */
export const fixed = (value, places) => new Intl.NumberFormat(languages, { minimumFractionDigits: places, maximumFractionDigits: places }).format(value);
const midnight = (date) => new Date(date).setHours(0, 0, 0, 0);
/** How long ago, or until when: "3 hours ago"; in days by the reader's calendar. */
export function ago(value, now = Date.now()) {
  if (!value) return NONE;
  const seconds = (new Date(value).getTime() - now) / 1000;
  if (Number.isNaN(seconds)) return String(value);
  for (const [unit, size] of [["year", 31557600], ["month", 2629800], ["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (Math.abs(seconds) < size) continue;
    const count = unit === "day" ? (midnight(value) - midnight(now)) / 86400000 : seconds / size;
    return relativeForm.format(Math.round(count), unit);
  }
  return relativeForm.format(Math.round(seconds), "second");
}
/** Milliseconds as people say them. */
export function duration(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return NONE;
  if (milliseconds < 1000) return `${whole.format(milliseconds)} ms`;
  return `${new Intl.NumberFormat(languages, { maximumFractionDigits: 1 }).format(milliseconds / 1000)} s`;
}
const CAPITALS = { ok: "OK", api: "API", cpu: "CPU", openai: "OpenAI", http: "HTTP", cli: "Command line" };
/** "needs_review" as a person reads it. */
export function words(code) {
  if (!code) return NONE;
  if (Object.hasOwn(CAPITALS, code)) return CAPITALS[code];
  const text = String(code).replaceAll("_", " ").replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}
/** The local day of a moment as "2026-11-21", for fields of type date. */
export function isoDay(date) {
  const two = (value) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

const COST_PLACES = 8;
/** A cost in hundred-millionths of a dollar, as a BigInt: sums of costs are exact. */
export function costUnits(text) {
  const [whole, fraction = ""] = String(text ?? "0").replace("-", "").split(".");
  const units = BigInt(whole + fraction.padEnd(COST_PLACES, "0").slice(0, COST_PLACES));
  return String(text).startsWith("-") ? -units : units;
}
/** The same as text, such as "0.02184000". */
export function costText(units) {
  const text = String(units < 0n ? -units : units).padStart(COST_PLACES + 1, "0");
  return `${units < 0n ? "-" : ""}${text.slice(0, -COST_PLACES)}.${text.slice(-COST_PLACES)}`;
}
