// The boxes on one page: a thin one around each value, a bright one around that of the field in focus.

import { el } from "../dom.js";

export class Boxes {
  /** @param layer the element over the page's picture, of its size. */
  constructor(layer, page) {
    this.layer = layer;
    this.page = page;
    this.lit = [];
  }

  /** Draws the boxes of these marks. */
  show(marks) {
    this.layer.replaceChildren(...marks.flatMap((mark) => mark.boxes.map((box) => drawn(box, `box ${mark.level}`, mark))), ...this.lit);
  }

  /** Lights the boxes of a slot, and none else. */
  light(slot, places) {
    for (const one of this.lit) one.remove();
    this.lit = places.flatMap((place) => (place.boxes ?? [place.box]).map((box) => drawn(box, "box lit", { slot })));
    this.layer.append(...this.lit);
  }
}

function drawn([left, top, right, bottom], kind, { slot, label }) {
  const box = el("div", { class: kind });
  if (slot) box.dataset.slot = slot;
  if (label) box.title = label;
  Object.assign(box.style, {
    left: percent(left), top: percent(top), width: percent(right - left), height: percent(bottom - top),
  });
  return box;
}

export function percent(share) {
  return `${(share * 100).toFixed(3)}%`;
}
