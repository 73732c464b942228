const page = JSON.parse(document.getElementById("data").textContent);

// Data come by columns, and each set once: a figure gets copies, because the engine writes into what it is given.
const rowsOf = (name) => page.data[name].rows.map((row) => Object.fromEntries(row.map((value, i) => [page.data[name].columns[i], value])));

function make(tag, text, attributes = {}) {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function save(name, url) {
  const link = make("a", "", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
}

// What figures call their columns: in tooltips by their names; axes and legends have titles that may be of several columns.
function titlesIn(node, found = { own: {}, shared: {} }, pointed = false) {
  if (Array.isArray(node)) node.forEach((part) => titlesIn(part, found, pointed));
  else if (node && typeof node === "object") {
    const names = pointed ? found.own : found.shared;
    if (typeof node.field === "string" && typeof node.title === "string") names[node.field] ??= node.title;
    for (const [key, part] of Object.entries(node)) titlesIn(part, found, pointed || key === "tooltip");
  }
  return found;
}

const shown = (value) => (value === null ? "\u2013" : typeof value === "number" ? String(Number(value.toPrecision(6))) : String(value));
const quoted = (value) => { const text = value === null ? "" : String(value); return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text; };

function tableOf(set, name, titles, count) {
  const { columns, rows } = page.data[set];
  const box = make("div", "", { class: "numbers wide", tabindex: "0", role: "region", "aria-label": `${name}, table ${count}` });
  const table = make("table");
  table.append(make("caption", `${name}, table ${count}: ${rows.length.toLocaleString("en")} rows`));
  const head = make("tr");
  for (const column of columns) {
    const cell = make("th", titles.own[column] ?? column, { scope: "col" });
    const axis = titles.shared[column];
    if (!(column in titles.own) && axis && axis !== column) cell.append(make("small", axis));
    head.append(cell);
  }
  const top = make("thead"), body = make("tbody");
  top.append(head);
  for (const row of rows) {
    const line = make("tr");
    row.forEach((value, i) => line.append(make("td", shown(value), typeof value === "number" ? { class: "n" } : {})));
    body.append(line);
  }
  table.append(top, body);
  box.append(table);
  return box;
}

// A tooltip is for those who point; below a figure its numbers stand for everybody.
function tools(figure, name, chart, view) {
  const title = figure.querySelector("figcaption b").textContent.replace(/\.$/, "");
  const line = make("div", "", { class: "tools" }), numbers = make("details");
  numbers.append(make("summary", `Numbers of this figure`));
  numbers.firstChild.append(make("span", `: ${title}`, { class: "vh" }));
  numbers.addEventListener("toggle", () => {
    if (numbers.open && numbers.children.length === 1) chart.data.forEach((set, i) => numbers.append(tableOf(set, title, titlesIn(chart.spec), i + 1)));
  });
  const button = (text, act) => { const it = make("button", text, { type: "button" }); it.append(make("span", ` of ${title}`, { class: "vh" })); it.addEventListener("click", act); line.append(it); };
  button("Save as SVG", async () => save(`${name}.svg`, await view.toImageURL("svg")));
  button("Save numbers as CSV", () => chart.data.forEach((set, i) => {
    const { columns, rows } = page.data[set];
    const text = [columns, ...rows].map((row) => row.map(quoted).join(",")).join("\n") + "\n";
    save(`${name}-${i + 1}.csv`, URL.createObjectURL(new Blob([text], { type: "text/csv" })));
  }));
  line.append(numbers);
  figure.append(line);
}

async function draw(place) {
  const name = place.dataset.chart, chart = page.charts[name];
  const datasets = Object.fromEntries(chart.data.map((set) => [set, rowsOf(set)]));
  const points = Object.values(datasets).reduce((sum, rows) => sum + rows.length, 0);
  const live = make("div");
  live.hidden = true;
  place.append(live);
  const drawn = await window.vegaEmbed(live, { ...structuredClone(chart.spec), datasets }, { mode: "vega-lite", ast: true, renderer: points > page.manyPoints ? "canvas" : "svg", actions: false, logLevel: 1, tooltip: { theme: "light" } });
  place.querySelector("img").remove();
  live.hidden = false;
  tools(place.closest("figure"), name, chart, drawn.view);
}

for (const block of document.querySelectorAll(".code")) {
  const button = make("button", "Copy", { type: "button" });
  button.append(make("span", ` ${block.previousElementSibling.textContent}`, { class: "vh" }));
  button.addEventListener("click", async () => {
    const text = block.querySelector("code");
    try { await navigator.clipboard.writeText(text.textContent); button.firstChild.data = "Copied"; } catch {
      getSelection().selectAllChildren(text);
      button.firstChild.data = "Selected";
    }
  });
  block.append(button);
}

for (const choice of document.querySelectorAll(".switch input")) {
  choice.addEventListener("change", () => { document.getElementById("said").textContent = `Steps are now labelled in the words of ${choice.parentElement.textContent.trim()}. Numbers are the same.`; });
}

const failed = [];
for (const place of document.querySelectorAll("[data-chart]")) {
  try { await draw(place); } catch (error) {
    console.error(error);
    failed.push(`${place.dataset.chart}: ${error}`); // its picture stays
  }
}
document.body.dataset.rendered = failed.length ? failed.join("; ") : "yes";
