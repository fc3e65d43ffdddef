// The border between pages and values: dragged or moved by arrow keys, kept on this machine.

import { choice } from "./drafts.js";

const [LEAST, MOST, STEP] = [20, 80, 2];

/** Makes `bar` move the border within `box`. */
export function splits(bar, box) {
  const set = (share) => {
    const kept = Math.min(Math.max(share, LEAST), MOST);
    box.style.setProperty("--pages", `${kept}%`);
    bar.setAttribute("aria-valuenow", String(Math.round(kept)));
    choice("pages", String(kept));
  };
  const kept = Number(choice("pages"));
  if (kept) set(kept);
  bar.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    bar.setPointerCapture(event.pointerId);
  });
  bar.addEventListener("pointermove", (event) => {
    if (!bar.hasPointerCapture(event.pointerId)) return;
    const edge = box.getBoundingClientRect();
    set(((event.clientX - edge.left) / edge.width) * 100);
  });
  bar.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key];
    if (!move) return;
    event.preventDefault();
    set(Number(bar.getAttribute("aria-valuenow")) + move);
  });
}
