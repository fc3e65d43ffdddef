// Reads amounts and dates as documents print them and people type them, and shows them in the browser's language.
// Nothing here computes: amounts stay text.

const DECIMAL = /^-?\d+(\.\d+)?$/;
const ISO = /^(\d{4})-(\d{2})-(\d{2})$/;
const OTHER_DIGITS = [0x0660, 0x06f0, 0x0966, 0x09e6]; // Arabic, Persian, Devanagari, Bengali

/** What a document's own printing tells: its decimal sign, and whether the day comes before the month. */
export function habitsOf(pairs) {
  const habits = { decimal: null, dayFirst: null };
  for (const { text, value } of pairs) {
    if (typeof text !== "string" || typeof value !== "string") continue;
    if (DECIMAL.test(value)) habits.decimal ??= decimalIn(text, value);
    const iso = ISO.exec(value);
    const parts = iso && /(\d{1,2})\D+(\d{1,2})\D+\d{2,4}/.exec(latin(text));
    if (parts && parts[1] !== parts[2]) {
      if (Number(parts[1]) === Number(iso[3]) && Number(parts[2]) === Number(iso[2])) habits.dayFirst ??= true;
      if (Number(parts[1]) === Number(iso[2]) && Number(parts[2]) === Number(iso[3])) habits.dayFirst ??= false;
    }
  }
  return habits;
}

function decimalIn(text, value) {
  const places = value.split(".")[1]?.length ?? 0;
  const match = /([.,\u066b])(\d+)\D*$/.exec(latin(text));
  return places > 0 && match && match[2].length === places ? match[1].replace("\u066b", ".") : null;
}

function latin(text) {
  return [...text.normalize("NFKC")].map((sign) => {
    const code = sign.codePointAt(0);
    const zero = OTHER_DIGITS.find((first) => code >= first && code <= first + 9);
    return zero === undefined ? sign : String(code - zero);
  }).join("");
}

/** An amount as the service writes it ("1234.50"); undefined when the text is none. */
export function readAmount(text, habits) {
  const printed = latin(text).replace(/\u066b/g, ".").replace(/\u066c/g, "").replace(/[\u2212\u2013]/g, "-");
  // One number, with what may stand around it: a currency, a sign, brackets.
  const match = /^(\D*?)((?<!\p{L})[.,]?\d[\d.,'\u2019\s]*)(\D*)$/u.exec(printed);
  if (!match || /\p{L}{6,}/u.test(match[1] + match[3])) return undefined;
  const negative = match[1].includes("-") || /^\s*-/.test(match[3]) || (match[1].includes("(") && match[3].includes(")"));
  let number = match[2].replace(/['\u2019\s]/g, "").replace(/[.,]+$/, "");
  if (/^[.,]/.test(number)) number = `0${number}`;
  const sign = decimalSign(number, habits);
  const at = sign ? number.lastIndexOf(sign) : number.length;
  const whole = number.slice(0, at).replace(/[.,]/g, "").replace(/^0+(?=\d)/, "");
  const amount = at < number.length ? `${whole}.${number.slice(at + 1)}` : whole;
  return negative && /[1-9]/.test(amount) ? `-${amount}` : amount;
}

function decimalSign(text, habits) {
  const dots = text.split(".").length - 1;
  const commas = text.split(",").length - 1;
  if (dots && commas) return text.lastIndexOf(".") > text.lastIndexOf(",") ? (dots > 1 ? null : ".") : commas > 1 ? null : ",";
  const sign = dots ? "." : ",";
  const count = dots + commas;
  if (count !== 1) return null;
  const [before, after] = text.split(sign);
  if (after.length !== 3 || before === "0" || before.length > 3) return sign;
  if (habits.decimal) return habits.decimal === sign ? sign : null;
  return sign === "." ? sign : null;
}

/** A date as the service writes it ("2026-03-05"); undefined when the text is none. */
export function readDate(text, habits) {
  const clean = latin(text).trim().toLowerCase();
  let match = /^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})$/.exec(clean);
  if (match) return calendar(match[1], match[2], match[3]);
  match = /^(\d{1,2})[-/.\s]+(\d{1,2})[-/.\s]+(\d{4}|\d{2})$/.exec(clean);
  if (match) {
    const [first, second, year] = [match[1], match[2], fullYear(match[3])];
    const dayFirst = Number(first) > 12 || (Number(second) <= 12 && (habits.dayFirst ?? dayComesFirst()));
    return dayFirst ? calendar(year, second, first) : calendar(year, first, second);
  }
  match = /^(\d{2})(\d{2})(\d{4})$/.exec(clean);
  if (match) return readDate(`${match[1]}/${match[2]}/${match[3]}`, habits);
  match = /^(\d{1,2})(?:st|nd|rd|th|\.)?[-\s]*([^\d\s.,-]+)[.,]?[-\s]*(\d{4}|\d{2})$/.exec(clean);
  if (match) return calendar(fullYear(match[3]), monthNamed(match[2]), match[1]);
  match = /^([^\d\s.,-]+)[.]?[-\s]*(\d{1,2})(?:st|nd|rd|th)?[,\s]+(\d{4})$/.exec(clean);
  return match ? calendar(match[3], monthNamed(match[1]), match[2]) : undefined;
}

function fullYear(year) {
  return year.length === 2 ? `20${year}` : year;
}

function dayComesFirst() {
  const parts = new Intl.DateTimeFormat().formatToParts(new Date(Date.UTC(2001, 1, 3)));
  return parts.findIndex((part) => part.type === "day") < parts.findIndex((part) => part.type === "month");
}

function monthNamed(name) {
  for (const language of [undefined, "en"]) {
    for (let month = 0; month < 12; month += 1) {
      const full = new Intl.DateTimeFormat(language, { month: "long", timeZone: "UTC" })
        .format(new Date(Date.UTC(2001, month, 1))).toLowerCase();
      if (name.length >= 3 && (full.startsWith(name) || name.startsWith(full))) return String(month + 1);
    }
  }
  return "0";
}

function calendar(year, month, day) {
  const made = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  const same = made.getUTCMonth() === Number(month) - 1 && made.getUTCDate() === Number(day);
  return same && !Number.isNaN(made.getTime()) ? made.toISOString().slice(0, 10) : undefined;
}

const amountFormats = new Map();

/** The format of amounts with so many decimals. To make one costs more than all else of an amount. */
function amountFormat(places) {
  if (!amountFormats.has(places)) {
    amountFormats.set(places, new Intl.NumberFormat(undefined, { minimumFractionDigits: places, maximumFractionDigits: places }));
  }
  return amountFormats.get(places);
}

/** An amount in the browser's language, with the decimals that it is given with. */
export function showAmount(text, currency) {
  if (typeof text !== "string" || !DECIMAL.test(text)) return text ?? "";
  const shown = amountFormat(Math.min(text.split(".")[1]?.length ?? 0, 20)).format(text); // text, so that nothing is rounded
  return currency ? `${currency} ${shown}` : shown;
}

/** A total with its currency, and with at least the decimals that the currency has. */
export function showTotal(text, currency) {
  if (typeof text !== "string" || !DECIMAL.test(text)) return text ?? "";
  try {
    const shape = { style: "currency", currency: currency ?? undefined };
    const usual = new Intl.NumberFormat(undefined, shape).resolvedOptions().minimumFractionDigits;
    const places = Math.min(Math.max(usual, text.split(".")[1]?.length ?? 0), 20);
    return new Intl.NumberFormat(undefined, { ...shape, minimumFractionDigits: places, maximumFractionDigits: places }).format(text);
  } catch {
    return showAmount(text, currency); // no currency, or one that nobody knows
  }
}

const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" });

/** A date in the browser's language, with the month's name; as it is when the calendar does not have it. */
export function showDate(text) {
  const match = ISO.exec(text ?? "");
  if (!match || !calendar(match[1], match[2], match[3])) return text ?? "";
  return DAY.format(new Date(`${text}T00:00:00Z`));
}

/** A moment in the browser's language and time zone. */
export function showMoment(text) {
  const moment = new Date(/[zZ]|[+-]\d\d:\d\d$/.test(text ?? "") ? text : `${text}Z`);
  if (!text || Number.isNaN(moment.getTime())) return "";
  const today = new Date().toDateString() === moment.toDateString();
  const shape = today ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" };
  return new Intl.DateTimeFormat(undefined, shape).format(moment);
}

/** A typed or printed text as the service wants a value of this kind: null for nothing, undefined when unreadable. */
export function readValue(text, kind, habits) {
  const clean = text.trim();
  if (!clean) return null;
  if (kind === "amount") return readAmount(clean, habits);
  if (kind === "date") return readDate(clean, habits);
  if (kind === "flag") return clean === "true" ? true : clean === "false" ? false : undefined;
  if (kind === "code") return /^[a-z]{2,3}$/i.test(clean) ? clean.toUpperCase() : undefined;
  return kind === "long" ? clean : clean.replace(/\s+/g, " ");
}

/** A value as it is shown while nobody edits it. */
export function showValue(value, kind) {
  if (value === null || value === undefined) return "";
  if (kind === "amount") return showAmount(value);
  if (kind === "date") return showDate(value);
  return String(value);
}
