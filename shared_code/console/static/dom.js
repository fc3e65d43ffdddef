// Makes elements. Text becomes a text node and never markup, whoever wrote it.

const SVG = "http://www.w3.org/2000/svg";

/** An element. attrs: `class`, `dataset`, `on` ({event: listener}), properties such as `value`, else attributes;
 *  false, null and undefined leave an attribute out. Children: nodes, texts, numbers, lists of them; null is none. */
export function el(tag, attrs = {}, ...children) {
  return fill(document.createElement(tag), attrs, children);
}

/** The same for elements of SVG. */
export function svg(tag, attrs = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attrs, children);
}

/** A symbol of icons.svg. */
export function icon(name, attrs = {}) {
  const href = `${document.body.dataset.static}/icons.svg#${name}`;
  return svg("svg", { class: "icon", "aria-hidden": "true", ...attrs }, svg("use", { href }));
}

/** Puts children in place of what a node holds. */
export function put(node, ...children) {
  node.replaceChildren(...flat(children));
  return node;
}

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "selected", "indeterminate", "open", "htmlFor", "tabIndex"]);

function fill(node, attrs, children) {
  for (const [name, value] of Object.entries(attrs ?? {})) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    } else if (name === "dataset") {
      Object.assign(node.dataset, value);
    } else if (value === false || value === null || value === undefined) {
      continue;
    } else if (PROPERTIES.has(name) && name in node) {
      node[name] = value;
    } else if (/^on/i.test(name)) {
      throw new Error(`listeners go into "on": ${name}`);
    } else {
      node.setAttribute(name, value === true ? "" : String(value));
    }
  }
  node.append(...flat(children));
  return node;
}

function flat(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : document.createTextNode(String(child))));
}
