// The pointer on the pages: a click on a box focuses its field, a drag takes the text under it, the middle button or a
// held space bar moves the page, Ctrl and the wheel zoom, and so do two fingers.

import { el } from "../dom.js";
import { boxOf } from "./page_turns.js";
import { percent } from "./page_boxes.js";

const CLICK = 4;

export class PagePointer {
  #drag = null;
  #space = false;
  #pinch = null;
  /** Whether a finger's drag takes text; otherwise it scrolls. */
  touchTakesText = false;

  /** @param onBox told the slot of a clicked box; @param onDrag told page and box of a drag. */
  constructor(view, { onBox, onDrag }) {
    this.view = view;
    this.onBox = onBox;
    this.onDrag = onDrag;
    this.band = el("div", { class: "band", "aria-hidden": "true" });
    const { scroller } = view;
    scroller.addEventListener("pointerdown", (event) => this.#down(event));
    scroller.addEventListener("pointermove", (event) => this.#move(event));
    scroller.addEventListener("pointerup", (event) => this.#up(event));
    scroller.addEventListener("pointercancel", () => this.#end());
    scroller.addEventListener("mousedown", (event) => this.#keepFocus(event));
    scroller.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    for (const name of ["touchstart", "touchmove", "touchend", "touchcancel"]) {
      scroller.addEventListener(name, (event) => this.#fingers(event), { passive: false });
    }
    scroller.addEventListener("keydown", (event) => this.#hold(event, true));
    scroller.addEventListener("keyup", (event) => this.#hold(event, false));
    scroller.addEventListener("blur", () => { this.#space = false; });
  }

  /** Who points at the page while in a field stays in the field. */
  #keepFocus(event) {
    if (event.target.closest(".page") && document.activeElement?.matches("[data-slot]")) event.preventDefault();
  }

  #hold(event, held) {
    if (event.key !== " " || event.target !== this.view.scroller) return;
    event.preventDefault();
    this.#space = held;
    this.view.scroller.classList.toggle("grabbing", held);
  }

  #down(event) {
    const moves = event.button === 1 || (event.button === 0 && this.#space);
    const takes = event.button === 0 && !this.#space && (event.pointerType !== "touch" || this.touchTakesText);
    const start = takes ? this.view.at(event.clientX, event.clientY) : null;
    const slot = event.button === 0 ? event.target.closest?.(".box[data-slot]")?.dataset.slot : null;
    if (!moves && !start && !slot) return;
    const { scroller } = this.view;
    this.#drag = {
      moves, start, slot, x: event.clientX, y: event.clientY, left: scroller.scrollLeft, top: scroller.scrollTop, far: false,
    };
    if (moves || start) scroller.setPointerCapture(event.pointerId);
  }

  #move(event) {
    const drag = this.#drag;
    if (!drag) return;
    const [right, down] = [event.clientX - drag.x, event.clientY - drag.y];
    drag.far ||= Math.hypot(right, down) > CLICK;
    if (drag.moves) {
      this.view.scroller.scrollLeft = drag.left - right;
      this.view.scroller.scrollTop = drag.top - down;
    } else if (drag.far && drag.start) {
      this.#draw(this.#box(event));
    }
  }

  #box(event) {
    const end = this.view.at(event.clientX, event.clientY, this.#drag.start.page);
    return boxOf(this.#drag.start.point, end.point);
  }

  #draw([left, top, right, bottom]) {
    Object.assign(this.band.style, { left: percent(left), top: percent(top), width: percent(right - left), height: percent(bottom - top) });
    if (!this.band.isConnected) this.#drag.start.page.sheet.append(this.band);
  }

  #up(event) {
    const drag = this.#drag;
    if (!drag) return;
    const box = drag.far && drag.start ? this.#box(event) : null;
    this.#end();
    if (box) this.onDrag(drag.start.page.number, box.map((part) => Math.round(part * 1e5) / 1e5));
    else if (drag.slot && !drag.far) this.onBox(drag.slot);
  }

  #end() {
    this.#drag = null;
    this.band.remove();
  }

  /** Two fingers zoom the page in its place, not the screen around it. */
  #fingers(event) {
    if (event.touches.length !== 2) {
      this.#pinch = null;
      return;
    }
    event.preventDefault();
    const [one, other] = event.touches;
    const apart = Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
    if (this.#pinch) this.view.zoomTo(this.#pinch.zoom * (apart / this.#pinch.apart));
    else {
      this.#end();
      this.#pinch = { apart: Math.max(apart, 1), zoom: this.view.zoom };
    }
  }

  #wheel(event) {
    if (!event.ctrlKey) return;
    event.preventDefault();
    this.view.zoomBy(event.deltaY < 0 ? 1 : -1);
  }
}
