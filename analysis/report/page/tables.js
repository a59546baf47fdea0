"use strict";
// A cell: [mean, low, high, how, n, k, seeds, p, mark, paired, std, sources].
const M = {mean: 0, low: 1, high: 2, how: 3, n: 4, k: 5, seeds: 6, p: 7, mark: 8, paired: 9, std: 10, sources: 11};

function element(name, text, attributes) {
  const made = document.createElement(name);
  if (text !== undefined && text !== null) made.textContent = text;
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
  return made;
}

// A caption's line: what stands between backticks is code.
function withCode(line) {
  const made = element("li");
  line.split("`").forEach((part, i) => made.append(i % 2 ? element("code", part) : part));
  return made;
}

// A name that may be broken after its signs and nowhere else.
function breakable(text) {
  const made = element("span");
  for (const part of text.split(/(?<=[=+,/_.])/)) made.append(part, element("wbr"));
  return made;
}

function escaped(text) {
  return element("i", text).innerHTML.replaceAll('"', "&quot;");
}

// As tables.table.p_text: beside 0.05 a digit more shows the side.
function pText(p) {
  if (p < 0.001) return "p < 0.001";
  return `p ${p.toFixed(p >= 0.0995 ? 2 : p.toFixed(3) === "0.050" ? 4 : 3)}`;
}

function cellParts(cell) {
  const sign = cell[M.paired] !== null && cell[M.mean] >= 0 ? "+" : "";
  let range = cell[M.low] === null ? "" : `[${cell[M.low].toFixed(1)}, ${cell[M.high].toFixed(1)}]`;
  if (cell[M.std] !== null) range += `± ${cell[M.std].toFixed(1)}`;
  if (cell[M.p] !== null) range += ` ${pText(cell[M.p])}`;
  const flags = (cell[M.paired] === false ? " †" : "") + (cell[M.mark].startsWith("not disting") ? " ≈" : "");
  return {mean: sign + cell[M.mean].toFixed(1), range: range + flags};
}

function strong(cell) {
  return cell[M.mark] === "best" || cell[M.mark] === "beyond noise";
}

function cellButton(cell, label, column) {
  const {mean, range} = cellParts(cell);
  const button = element("button", null, {type: "button", class: "cell" + (strong(cell) ? " strong" : ""),
    "aria-label": `${label}, ${column}: ${mean} ${range}${cell[M.mark] ? ", " + cell[M.mark] : ""}. Provenance`});
  button.append(element("span", mean, {class: "mean"}), " ", element("span", range, {class: "range"}));
  button.addEventListener("click", () => showProvenance(cell, label, column));
  return button;
}

// A part that is built when it is opened first.
function folded(title, build) {
  const made = element("details"), inside = element("div");
  made.append(element("summary", title), inside);
  made.addEventListener("toggle", () => {
    if (!made.open || inside.hasChildNodes()) return;
    const content = build(inside);
    if (content instanceof Node) inside.append(content);
  });
  return made;
}

const narrowScreen = window.matchMedia("(max-width: 720px)");
function narrow() { return narrowScreen.matches; }

function makeTabulator(holder, columns, rows, filtered, layout) {
  return new Tabulator(holder, {
    data: rows, columns, layout, columnDefaults: {headerSortTristate: true, resizable: false},
    ...(rows.length > 25 ? {height: "34rem"} : {}),
    placeholder: filtered ? "Nothing fits the filter." : "Nothing here.",
  });
}

function valueTable(parent, table) {
  parent.append(element("h3", table.title));
  const holder = parent.appendChild(element("div", null, {class: "table"}));
  const rows = table.rows.map((row, place) => ({place, label: row.label,
    ...Object.fromEntries(row.cells.map((cell, i) => ["c" + i, cell]))}));
  const columns = [{title: "", field: "label", formatter: (cell) => breakable(cell.getValue()), frozen: true, width: narrow() ? 118 : 290, cssClass: "label",
    headerFilter: rows.length > 12 ? "input" : undefined, headerFilterPlaceholder: "filter rows"}];
  table.columns.forEach((title, i) => columns.push({
    title: escaped(title), field: "c" + i, headerSortStartingDir: "desc",
    sorter: (a, b) => (a ? a[M.mean] : -1e9) - (b ? b[M.mean] : -1e9),
    formatter: (cell) => cell.getValue() ? cellButton(cell.getValue(), cell.getData().label, title) : element("span", "–"),
  }));
  const made = makeTabulator(holder, columns, rows, rows.length > 12, "fitDataFill");
  if (table.caption.length) {
    parent.append(folded("Notes", () => {
      const caption = element("ul", null, {class: "caption"});
      for (const line of table.caption) caption.append(withCode(line));
      return caption;
    }));
  }
  return made;
}

function plainTable(parent, columns, rows) {
  const holder = parent.appendChild(element("div", null, {class: "table"}));
  return makeTabulator(holder, columns.map((column) => ({minWidth: 110, ...column})), rows, true, "fitColumns");
}

// A factor's level: numbers to four digits that say something.
function significant(value) {
  return typeof value === "number" ? Number(value.toPrecision(4)) : value;
}

function number(value, digits) {
  return value === null || value === undefined ? "–" : Number(value).toFixed(digits);
}
