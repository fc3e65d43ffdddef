// Sends one document, shows how far it is, what it has cost, and leads to its review.

import { ApiError, api, base, session } from "../api.js";
import { $, el, icon, put } from "../dom.js";
import { cost, duration, number, words } from "../format.js";
import { badge, copy } from "../ui.js";
import { getTried, take, tryDocument } from "./calls.js";
import { LANGUAGES, codeIn } from "./try_code.js";

const STAGES = [["sent", "Sent"], ["queued", "Waiting for its turn"], ["running", "Being read"], ["done", "Read"]];
const POLL = 700;
let round = 0;
let language = LANGUAGES[0].name;

$("#company").value = session?.company_id ?? sessionStorage.getItem("try-company") ?? "";
$("#company-field").hidden = Boolean(session?.company_id);
$("#file").addEventListener("change", () => send($("#file").files[0]));
$("#try-form").addEventListener("submit", (event) => event.preventDefault());
$("#company").addEventListener("input", showCode);
for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    $("#drop").classList.add("over");
  });
}
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) $("#drop").classList.remove("over"); });
document.addEventListener("drop", (event) => {
  if (!event.dataTransfer?.files.length) return;
  event.preventDefault();
  $("#drop").classList.remove("over");
  send(event.dataTransfer.files[0]);
});
knownCompanies();
showStages(null, {});
showLanguages();

/** Companies with keys, to choose from; only those who may see them. */
async function knownCompanies() {
  if (session?.company_id) return;
  try {
    const { data } = await api.get("tokens?limit=100");
    const names = [...new Set(data.items.map((item) => item.company_id))];
    put($("#companies"), names.map((value) => el("option", { value })));
    if (names.length === 1 && !$("#company").value) {
      [$("#company").value] = names;
      showCode();
    }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
}

async function send(file) {
  if (!file || !$("#company").reportValidity()) return;
  const mine = ++round;
  const company = $("#company").value.trim();
  sessionStorage.setItem("try-company", company);
  $("#drop-text").textContent = file.name;
  showCode();
  put($("#outcome"));
  const times = { start: performance.now() };
  showStages("sent", times);
  const watch = setInterval(() => (mine === round ? showStages(times.stage, times) : clearInterval(watch)), 100);
  times.stage = "sent";
  try {
    let found = await tryDocument({ company_id: company, file_name: file.name.slice(-100), force: $("#force").checked ? "true" : "" }, file);
    while (mine === round && ["queued", "running"].includes(found.state)) {
      step(times, found.state);
      await new Promise((resolve) => setTimeout(resolve, POLL));
      found = await getTried(found.id);
    }
    clearInterval(watch);
    if (mine !== round) return;
    step(times, "done");
    showStages(found.state === "done" ? null : "failed", times);
    show(found, times);
  } catch (error) {
    clearInterval(watch);
    if (mine !== round) return;
    if (!(error instanceof ApiError)) throw error;
    showStages("failed", times);
    put($("#outcome"), el("p", { class: "note bad", role: "alert" }, error.message));
  }
  $("#file").value = "";
}

/** Notes when a stage was reached. */
function step(times, stage) {
  const at = performance.now() - times.start;
  for (const [name] of STAGES) {
    times[name] ??= at;
    if (name === stage) break;
  }
  times.stage = stage === "done" ? null : stage;
}

/** @param now the stage that goes on; "failed" marks where it ended; null when all are done or nothing began. */
function showStages(now, times) {
  const open = STAGES.find(([name]) => times[name] === undefined)?.[0];
  put($("#stages"), STAGES.map(([name, label]) => {
    const done = times[name] !== undefined && (now === null || name !== now);
    const state = now === "failed" && (name === open || (!open && name === "done")) ? "failed" : name === now ? "now" : done ? "done" : "";
    const shown = name === now && times.start ? performance.now() - times.start : times[name];
    return el("li", { class: state }, label, shown === undefined ? null : el("time", {}, duration(shown)));
  }));
}

function show(found, times) {
  if (found.state !== "done") {
    put($("#outcome"), el("p", { class: "note bad", role: "alert" }, found.error?.message ?? words(found.state)));
    return;
  }
  const usage = found.usage ?? {};
  const model = found.provenance?.model ?? words(found.provenance?.method);
  const figure = (name, value, more) => el("div", { class: "figure" }, el("dt", {}, name), el("dd", {}, value, more ? el("small", {}, more) : null));
  const review = el("button", { type: "button", class: "main", on: { click: () => openReview(found.review_id) } }, "Open its review ", icon("right"));
  put($("#outcome"),
    el("p", {}, badge(found.status), found.cached ? " It was read before, so nothing was spent." : ""),
    el("dl", { class: "figures" }, figure("Time", duration(times.done)), figure("Cost", cost(usage.cost_usd)),
      figure("Tokens", number(usage.total_tokens), `${number(usage.input_tokens)} in, ${number(usage.output_tokens)} out`), figure("Read by", model)),
    el("p", {}, review));
  review.focus();
}

/** A reading that nobody has to look at gets a review by being taken. */
async function openReview(id) {
  try {
    await take(id);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status !== 409) {
      put($("#outcome"), el("p", { class: "note bad", role: "alert" }, error.message));
      return;
    }
  }
  location.assign(`${base}/reviews/${encodeURIComponent(id)}`);
}

function showLanguages() {
  const tabs = LANGUAGES.map(({ name, title }) => el("button", {
    type: "button", class: "small", role: "tab", id: `language-${name}`, "aria-controls": "code", on: { click: () => choose(name) },
  }, title));
  put($("#languages"), tabs);
  $("#languages").addEventListener("keydown", (event) => {
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!move) return;
    const at = LANGUAGES.findIndex((one) => one.name === language);
    choose(LANGUAGES[(at + move + LANGUAGES.length) % LANGUAGES.length].name);
    $(`#language-${language}`).focus();
  });
  $("#copy").addEventListener("click", () => copy($("#code").textContent));
  choose(language);
}

function choose(name) {
  language = name;
  for (const tab of $("#languages").children) {
    const chosen = tab.id === `language-${name}`;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
  }
  $("#code").setAttribute("aria-labelledby", `language-${name}`);
  showCode();
}

function showCode() {
  const file = $("#file").files[0]?.name ?? ($("#drop-text").textContent.startsWith("Drop a file") ? "invoice.pdf" : $("#drop-text").textContent);
  const host = api.url("").replace(/\/manage\/$/, "");
  $("#code").textContent = codeIn(language, { host: new URL(host, location.href).href, company: $("#company").value.trim() || "COMPANY", file });
}
