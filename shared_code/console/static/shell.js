// What every page has: the menu on narrow screens, the colours, signing out.

import { ApiError, base, toConsole } from "./api.js";
import { $ } from "./dom.js";
import { toast } from "./ui.js";

const root = document.documentElement;

$("#menu").addEventListener("click", () => {
  const open = document.body.classList.toggle("menu-open");
  $("#menu").setAttribute("aria-expanded", String(open));
  if (open) $("#side a")?.focus();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && document.body.classList.contains("menu-open")) $("#menu").click();
});

$("#theme").addEventListener("click", () => {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `console_theme=${root.dataset.theme}; Path=${base.replace(/\/console$/, "")}; Max-Age=31536000; SameSite=Strict${secure}`;
});

$("#sign-out").addEventListener("click", async () => {
  try {
    const { then } = await toConsole("sign-out", {});
    location.assign(then ?? `${base}/sign-in`);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    toast(error.message, "bad");
  }
});
