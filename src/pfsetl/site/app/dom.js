// Elements made by name; whatever is put into one is text, never markup.
const SVG = "http://www.w3.org/2000/svg";

export function el(tag, props, ...children) {
  return filled(document.createElement(tag), props, children);
}

export function svg(tag, props, ...children) {
  return filled(document.createElementNS(SVG, tag), props, children);
}

function filled(node, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value" && "value" in node) node.value = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// How wide a chart is drawn: as wide as the text, so that its letters have the size of the text.
export function chartWidth() {
  return Math.round(Math.min(740, Math.max(280, document.documentElement.clientWidth - 36)));
}

// A picture with words for those who don't see it.
export function chart(width, height, words, ...children) {
  return svg("svg", {class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": words}, children);
}

export function part(title, ...children) {
  return el("section", {class: "part"}, el("h2", {}, title), children);
}

const unseen = new Map();

// Shows a part when it's near to be seen, so that its data isn't loaded before.
export function whenSeen(node, show) {
  const watch = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && now(), {rootMargin: "300px"});
  const now = () => { watch.disconnect(); unseen.delete(node); return show(); };
  watch.observe(node);
  unseen.set(node, now);
}

function showAll() {
  return Promise.all([...unseen].map(([node, now]) => node.isConnected ? now() : unseen.delete(node)));
}

// Browsers print what is there at once, without what is on its way: from the keyboard printing begins when all is there.
addEventListener("beforeprint", showAll);
addEventListener("keydown", async (event) => {
  if (event.key?.toLowerCase() !== "p" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey || !unseen.size) return;
  event.preventDefault();
  await showAll();
  print();
});
