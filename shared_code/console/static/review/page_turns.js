// Places on a page that is turned by quarters, clockwise; in fractions of the page.

/** Where a point of the page is seen after `turns` quarters. */
export function shownPoint([x, y], turns) {
  if (turns === 1) return [1 - y, x];
  if (turns === 2) return [1 - x, 1 - y];
  return turns === 3 ? [y, 1 - x] : [x, y];
}

/** The same for a box. */
export function shownBox([left, top, right, bottom], turns) {
  return boxOf(shownPoint([left, top], turns), shownPoint([right, bottom], turns));
}

/** The box between two corners. */
export function boxOf([x0, y0], [x1, y1]) {
  return [Math.min(x0, x1), Math.min(y0, y1), Math.max(x0, x1), Math.max(y0, y1)];
}
