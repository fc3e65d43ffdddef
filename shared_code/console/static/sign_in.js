// Signs in by a key, or by the secret behind the # of the address, which the local stack prints.

import { base, toConsole } from "./api.js";
import { $ } from "./dom.js";

const form = $("#sign-in");
const problem = $("#problem");

form.addEventListener("submit", (event) => {
  event.preventDefault();
  begin("sign-in", { key: $("#key").value });
});

const link = new URLSearchParams(location.hash.slice(1)).get("link");
if (link !== null) {
  // Out of the address and the history, before anything else.
  history.replaceState(null, "", location.pathname + location.search);
}
if (link !== null && form.dataset.link === "yes") {
  whenSeen(() => begin("sign-in/link", { link }));
} else {
  goOnIfSignedIn();
}

async function begin(path, content) {
  problem.hidden = true;
  form.setAttribute("aria-busy", "true");
  try {
    await toConsole(path, content);
    if (await isSignedIn()) return location.replace(wanted());
    problem.textContent = "The browser did not keep the session. It takes cookies of this site over https only, except on the machine itself.";
    problem.hidden = false;
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
    $("#key").select();
  } finally {
    form.removeAttribute("aria-busy");
  }
}

/** A page that is only loaded ahead must not use the link up. */
function whenSeen(act) {
  if (document.visibilityState === "visible" && !document.prerendering) return act();
  const look = () => {
    if (document.visibilityState !== "visible" || document.prerendering) return;
    document.removeEventListener("visibilitychange", look);
    document.removeEventListener("prerenderingchange", look);
    act();
  };
  document.addEventListener("visibilitychange", look);
  document.addEventListener("prerenderingchange", look);
}

/** Who comes from a link in a mail has a session that the browser did not send with that first request. */
async function goOnIfSignedIn() {
  if (await isSignedIn()) location.replace(wanted());
}

async function isSignedIn() {
  const response = await fetch(`${base}/session`, { credentials: "same-origin", cache: "no-store" }).catch(() => null);
  return response?.ok ?? false;
}

/** The page that was asked for: one of the console, whatever the address says. */
function wanted() {
  const next = new URLSearchParams(location.search).get("next") ?? "";
  const found = new URL(`${base}/${next}`, location.origin);
  const ours = found.origin === location.origin && found.pathname.startsWith(`${base}/`);
  return ours ? found.href : `${base}/`;
}
