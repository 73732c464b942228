const wrong = [], told = (element) => element.tagName.toLowerCase() + (element.id ? "#" + element.id : "") + " " + (element.textContent || "").trim().slice(0, 40);
const all = (selector) => [...document.querySelectorAll(selector)];
const shown = (element) => element.checkVisibility({ checkVisibilityCSS: true });
const named = (element) => (element.getAttribute("aria-label") || element.getAttribute("alt") || (element.getAttribute("aria-labelledby") || "").split(/\s+/)
  .map((id) => (id && document.getElementById(id) || {}).textContent || "").join(" ") || "").trim();

if (document.documentElement.lang.length < 2) wrong.push("the page names no language");
if (!document.title.trim()) wrong.push("the page has no title");
for (const landmark of ["header", "nav", "main", "footer"]) if (all("body > " + landmark).length !== 1) wrong.push("landmarks: not one " + landmark);

const ids = all("[id]").map((element) => element.id);
for (const id of new Set(ids.filter((id, i) => ids.indexOf(id) !== i))) wrong.push("an id is not unique: " + id);
for (const link of all('a[href^="#"]')) if (!document.getElementById(link.getAttribute("href").slice(1))) wrong.push("a link leads nowhere: " + link.getAttribute("href"));

const levels = all("h1, h2, h3, h4, h5, h6").map((heading) => Number(heading.tagName[1]));
if (levels.filter((level) => level === 1).length !== 1 || levels[0] !== 1) wrong.push("headings: not one h1, or not first");
levels.forEach((level, i) => { if (i && level > levels[i - 1] + 1) wrong.push("headings: h" + level + " after h" + levels[i - 1]); });

for (const image of all("img, [role=img]")) if (named(image).length < 8) wrong.push("an image has no name: " + told(image));
for (const svg of all("svg")) if (!svg.closest("[role=img][aria-label]") && !named(svg)) wrong.push("a drawing has no name: " + told(svg));
for (const figure of all("figure")) if (!figure.querySelector("figcaption")) wrong.push("a figure has no caption: " + told(figure));
for (const control of all("button, a[href], summary, input, [role=region], section")) {
  const name = named(control) || (control.matches("section, [role=region]") ? "" : control.textContent.trim()) || (control.closest("label") || {}).textContent || "";
  if (!name.trim()) wrong.push("a control or region has no name: " + control.outerHTML.slice(0, 80));
}
for (const table of all("table:not(#vg-tooltip-element table)")) {
  if (!table.caption || !table.caption.textContent.trim()) wrong.push("a table has no caption: " + told(table));
  for (const cell of table.querySelectorAll("th")) if (!["row", "col"].includes(cell.scope)) wrong.push("a heading of a table has no scope: " + told(cell));
}
for (const box of all("*")) {
  const style = getComputedStyle(box);
  if (["auto", "scroll"].includes(style.overflowX) && box.scrollWidth > box.clientWidth + 1 && box.tabIndex < 0) wrong.push("what scrolls cannot be reached by keys: " + told(box));
  if (box.tabIndex > 0) wrong.push("the order of keys is not that of reading: " + told(box));
}

const channels = (colour) => { const found = colour.match(/[\d.]+/g).map(Number); return found.length < 4 ? [...found, 1] : found; };
const light = ([r, g, b]) => [r, g, b].map((value) => value / 255).map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
  .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);
const contrast = (one, other) => { const [low, high] = [light(one), light(other)].sort((a, b) => a - b); return (high + 0.05) / (low + 0.05); };
const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3]));
const ground = (element) => {
  const layers = [];
  for (let at = element; at; at = at.parentElement) layers.push(channels(getComputedStyle(at).backgroundColor));
  return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || !shown(element) || element.closest("script, style, .vh")) continue;
  const style = getComputedStyle(element), drawn = element.closest("svg");
  if (drawn && element.closest(".role-mark")) continue; // labels in marks: their ground is the mark
  const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  const below = drawn ? [255, 255, 255] : ground(element), found = contrast(over(channels(drawn ? style.fill : style.color), below), below);
  if (found < (large ? 3 : 4.5)) wrong.push("contrast " + found.toFixed(2) + ": " + told(element));
}

for (const element of all("[src], [href], [srcset], [data], [action], [poster]"))
  for (const name of ["src", "href", "srcset", "data", "action", "poster"]) {
    const value = element.getAttribute(name);
    if (value !== null && !/^(#|data:)/.test(value)) wrong.push("something asks a network: " + element.outerHTML.slice(0, 80));
  }
for (const entry of performance.getEntriesByType("resource")) if (!/^(data|blob):/.test(entry.name)) wrong.push("something was asked for: " + entry.name);
return [...new Set(wrong)];
