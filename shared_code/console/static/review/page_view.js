// The pages of the document: zoom, rotation, fit, and the place of a value brought into sight.

import { el } from "../dom.js";
import { Boxes } from "./page_boxes.js";
import { shownBox, shownPoint } from "./page_turns.js";

const ZOOMS = [0.25, 0.33, 0.5, 0.67, 0.8, 1, 1.25, 1.5, 2, 2.5, 3, 4];
const GAP = 12;
/** Widths in pixels that pictures are asked for in; few, so that the service's cache knows them. */
const WIDTHS = [800, 1200, 1600, 2000, 2800];
/** Lower than this many pixels a line of text cannot be read with ease. */
const READABLE = 9;
const COMFORTABLE = 15;

export class PageView extends EventTarget {
  #pages = [];
  #turns = 0;
  #zoom = 1;
  #fit = "width";
  #watcher = null;

  /** @param scroller the element that scrolls; @param pictureOf gives the address of a page's picture. */
  constructor(scroller, pictureOf) {
    super();
    this.scroller = scroller;
    this.pictureOf = pictureOf;
    new ResizeObserver(() => this.#lay()).observe(scroller);
  }

  /** Shows the pages of a document: `[{number, width, height}]`. */
  show(id, pages) {
    this.id = id;
    this.#turns = 0;
    this.#fit = "width";
    this.#zoom = 1;
    this.#watcher?.disconnect();
    this.#watcher = new IntersectionObserver((seen) => this.#load(seen), { root: this.scroller, rootMargin: "100% 0px" });
    this.#pages = pages.map((page) => this.#page(page, pages.length));
    this.scroller.replaceChildren(...this.#pages.map((page) => page.frame));
    this.scroller.scrollTo(0, 0);
    this.#lay();
    for (const page of this.#pages) this.#watcher.observe(page.frame);
  }

  #page({ number, width, height, rotation }, count) {
    const image = el("img", { alt: `Page ${number} of ${count}`, draggable: "false", decoding: "async" });
    const layer = el("div", { class: "boxes", "aria-hidden": "true" });
    const sheet = el("div", { class: "sheet" }, image, layer);
    const frame = el("div", { class: "page" }, sheet);
    frame.dataset.page = String(number);
    image.addEventListener("load", () => {
      frame.classList.add("loaded");
      this.dispatchEvent(new Event("loaded"));
    });
    image.addEventListener("error", () => { frame.classList.add("failed"); });
    return { number, own: Math.round((rotation ?? 0) / 90), ratio: height / width || 1.414, frame, sheet, image, boxes: new Boxes(layer, number), asked: 0 };
  }

  #load(seen) {
    for (const entry of seen) {
      const page = this.#pages.find((one) => one.frame === entry.target);
      page.near = entry.isIntersecting;
      if (page.near) this.#picture(page);
    }
  }

  #picture(page) {
    const needed = page.sheet.offsetWidth * (window.devicePixelRatio || 1);
    const width = WIDTHS.find((one) => one >= needed) ?? WIDTHS.at(-1);
    if (width <= page.asked) return;
    page.asked = width;
    this.asked = width;
    page.image.src = this.pictureOf(this.id, page.number, width);
  }

  #lay() {
    const room = this.scroller.clientWidth - 2 * GAP;
    const high = this.scroller.clientHeight - 2 * GAP;
    if (room <= 0 || !this.#pages.length) return;
    if (this.#fit === "width") this.#zoom = 1;
    if (this.#fit === "page") {
      this.#zoom = Math.min(1, ...this.#pages.map((page) => high / (room * this.#shownRatio(page))));
    }
    for (const page of this.#pages) {
      const width = room * this.#zoom;
      const height = width * this.#shownRatio(page);
      const turns = this.turnsOf(page);
      const upright = turns % 2 === 0;
      size(page.frame, width, height);
      size(page.sheet, upright ? width : height, upright ? height : width);
      page.sheet.style.transform = `translate(-50%, -50%) rotate(${turns * 90}deg)`;
      if (page.near) this.#picture(page);
    }
    this.dispatchEvent(new Event("laid"));
  }

  #shownRatio(page) {
    return this.turnsOf(page) % 2 === 0 ? page.ratio : 1 / page.ratio;
  }

  /** Quarters that a page is turned: as reading has shown that it must be, and as the person wants it. */
  turnsOf(page) {
    return (page.own + this.#turns) % 4;
  }

  get zoom() {
    return this.#zoom;
  }

  get empty() {
    return this.#pages.length === 0;
  }

  /** The page that is in the middle of what is seen. */
  get current() {
    const middle = this.scroller.scrollTop + this.scroller.clientHeight / 2;
    const found = this.#pages.findLast((page) => page.frame.offsetTop <= middle) ?? this.#pages[0];
    return found?.number ?? 0;
  }

  get count() {
    return this.#pages.length;
  }

  zoomBy(direction) {
    const next = direction > 0 ? ZOOMS.find((zoom) => zoom > this.#zoom + 0.01) : ZOOMS.findLast((zoom) => zoom < this.#zoom - 0.01);
    if (next !== undefined) this.zoomTo(next);
  }

  /** Zooms and keeps what is in the middle there. */
  zoomTo(zoom) {
    const { scroller } = this;
    const across = (scroller.scrollLeft + scroller.clientWidth / 2) / scroller.scrollWidth;
    const down = (scroller.scrollTop + scroller.clientHeight / 2) / scroller.scrollHeight;
    this.#fit = null;
    this.#zoom = Math.min(Math.max(zoom, ZOOMS[0]), ZOOMS.at(-1));
    this.#lay();
    scroller.scrollLeft = across * scroller.scrollWidth - scroller.clientWidth / 2;
    scroller.scrollTop = down * scroller.scrollHeight - scroller.clientHeight / 2;
  }

  /** @param fit "width" or "page". */
  fit(fit) {
    const { current } = this;
    this.#fit = fit;
    this.#lay();
    this.goTo(current);
  }

  turn(quarters) {
    const { current } = this;
    this.#turns = (this.#turns + quarters + 4) % 4;
    this.#lay();
    this.goTo(current);
  }

  goTo(number) {
    const page = this.#pages[Math.min(Math.max(number, 1), this.#pages.length) - 1];
    if (page) this.scroller.scrollTop = page.frame.offsetTop - GAP;
  }

  scrollBy(share) {
    this.scroller.scrollBy({ top: share * this.scroller.clientHeight, behavior: behaviour() });
  }

  /** The boxes of the document's values: `[{slot, page, boxes, level, label}]`. */
  mark(marks) {
    for (const page of this.#pages) page.boxes.show(marks.filter((mark) => mark.page === page.number));
  }

  /** Lights the boxes of a slot and brings them into sight; a candidate's place likewise. */
  light(slot, places) {
    for (const page of this.#pages) page.boxes.light(slot, places.filter((place) => place.page === page.number));
    const first = places[0];
    const page = first && this.#pages[first.page - 1];
    if (page) this.#bringIntoSight(page, first.box);
  }

  #bringIntoSight(page, box) {
    const { scroller } = this;
    const turns = this.turnsOf(page);
    const height = () => (shownBox(box, turns)[3] - shownBox(box, turns)[1]) * page.frame.offsetHeight;
    const line = Math.min(box[3] - box[1], 0.02) / (box[3] - box[1]); // of a value in several lines one counts
    if (this.#fit !== "page" && height() * line < READABLE) {
      const wanted = this.#zoom * (COMFORTABLE / (height() * line));
      const widest = (scroller.clientWidth * 0.8) / ((box[2] - box[0]) * scroller.clientWidth);
      this.#fit = null;
      this.#zoom = Math.min(wanted, Math.max(widest, this.#zoom), 3);
      this.#lay();
    }
    const [left, top, right, bottom] = shownBox(box, turns);
    const [x, y] = [page.frame.offsetLeft, page.frame.offsetTop];
    const [wide, high] = [page.frame.offsetWidth, page.frame.offsetHeight];
    const target = { behavior: behaviour() };
    const edge = 40;
    if (y + top * high < scroller.scrollTop + edge || y + bottom * high > scroller.scrollTop + scroller.clientHeight - edge) {
      target.top = y + ((top + bottom) / 2) * high - scroller.clientHeight * 0.4;
    }
    if (x + left * wide < scroller.scrollLeft + 8 || x + right * wide > scroller.scrollLeft + scroller.clientWidth - 8) {
      target.left = x + ((left + right) / 2) * wide - scroller.clientWidth / 2;
    }
    if ("top" in target || "left" in target) scroller.scrollTo(target);
  }

  /** The page under a point of the window and the point in it, as fractions of the unturned page. */
  at(x, y, within = null) {
    const page = within ?? this.#pages.find(({ frame }) => inside(frame.getBoundingClientRect(), x, y));
    if (!page) return null;
    const edge = page.frame.getBoundingClientRect();
    const point = [(x - edge.left) / edge.width, (y - edge.top) / edge.height].map((part) => Math.min(Math.max(part, 0), 1));
    return { page, point: shownPoint(point, (4 - this.turnsOf(page)) % 4) };
  }
}

function inside(edge, x, y) {
  return x >= edge.left && x <= edge.right && y >= edge.top && y <= edge.bottom;
}

function size(element, width, height) {
  element.style.width = `${width}px`;
  element.style.height = `${height}px`;
}

export function behaviour() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth";
}
