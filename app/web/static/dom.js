// Elements in one line.

export const $ = (id) => document.getElementById(id);

/** An HTML element with a class and its content: a text, or nodes and texts in an array. */
export function make(tag, className, content) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (Array.isArray(content)) node.append(...content.filter((one) => one != null));
  else if (content) node.textContent = content;
  return node;
}

/** A button that does something; `name` is its data-testid. */
export function button(className, text, name, action) {
  const node = make("button", className, text);
  node.type = "button";
  node.dataset.testid = name;
  node.addEventListener("click", action);
  return node;
}

/** Draw anew what is in `root`; the cursor stays where it was, if that is still there. */
export function redraw(root, draw) {
  const active = root.contains(document.activeElement) ? document.activeElement.dataset : {};
  const place = Object.entries(active).map(([name, value]) => `[data-${name}=${CSS.escape(value)}]`);
  draw();
  if (place.length) root.querySelector(place.join(""))?.focus({ preventScroll: true });
}

/** An SVG element with attributes. */
export function shape(tag, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}
