"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);

function pairs(entries) {
  const list = element("dl");
  for (const [name, value] of entries) {
    if (value === null || value === undefined || value === "") continue;
    list.append(element("dt", name), element("dd", typeof value === "object" ? JSON.stringify(value) : String(value)));
  }
  return list;
}

function sourceDetails(place, open) {
  const from = data.provenance, [run, step, title, seed, value, n, settings, versions, file, cut, late, imported] = from.scores[place];
  const made = element("details"), owner = from.runs[run];
  made.open = open;
  made.append(element("summary", `${owner.name}, step ${step}, ${title}, seed ${seed < 0 ? "not stated" : seed}: ${(100 * value).toFixed(1)} of ${n} problems`));
  made.append(pairs([["file", `${owner.folder}/${file}`], ["run id", owner.id], ["truncated", cut], ["not verified in time", late]]));
  made.append(element("h3", "Settings"), pairs(Object.entries(from.settings[settings])));
  made.append(element("h3", "Versions"), pairs(Object.entries(from.versions[versions])));
  if (imported) made.append(element("h3", "Imported from"), pairs(Object.entries(imported)));
  if (owner.invocations.length) made.append(element("h3", "Commands that made the run"));
  for (const call of owner.invocations) {
    made.append(pairs([["commit", call.commit ? call.commit + (call.dirty ? " and uncommitted changes" : "") : "not stated"],
      ["time", call.time], ["arguments", (call.argv || []).join(" ")], ["host", call.host]]));
  }
  const recipe = made.appendChild(element("details"));
  recipe.append(element("summary", "Recipe"), element("div", JSON.stringify(owner.recipe, null, 1), {class: "text"}));
  return made;
}

function showProvenance(cell, label, column) {
  const {mean, range} = cellParts(cell);
  byId("provenance-title").textContent = `${label}, ${column}: ${mean} ${range}`;
  const body = byId("provenance-body");
  body.replaceChildren(pairs([["interval or test", cell[M.how]], ["problems", cell[M.n]], ["answers a problem", cell[M.k]],
    ["sampling seeds", cell[M.seeds]], ["verdict", cell[M.mark]], ["paired", cell[M.paired] === null ? "" : String(cell[M.paired])]]));
  const sources = cell[M.sources];
  body.append(element("p", sources.length ? `From ${sources.length} score record${sources.length > 1 ? "s" : ""}:` : "Published; see the lines under its table.", {class: "hint"}));
  sources.slice(0, 40).forEach((place, i) => body.append(sourceDetails(place, i === 0)));
  if (sources.length > 40) body.append(element("p", `and ${sources.length - 40} more`, {class: "hint"}));
  byId("provenance").showModal();
}

function plainRows(head, rows) {
  const holder = element("div", null, {class: "table"}), table = holder.appendChild(element("table"));
  const top = table.appendChild(element("tr"));
  for (const name of head) top.append(element("th", name, {scope: "col"}));
  for (const [label, ...cells] of rows) {
    const row = table.appendChild(element("tr"));
    row.appendChild(element("th", null, {scope: "row"})).append(breakable(label));
    row.append(...cells.map((cell) => cell instanceof Node ? cell : element("td", cell)));
  }
  return holder;
}

function fillStudy() {
  byId("title").textContent = data.title;
  document.title = data.title;
  const study = data.study;
  if (!study) { byId("study").hidden = true; return; }
  byId("question").textContent = study.question;
  byId("dates").textContent = study.dates;
  if (study.arms.length) {
    byId("varied").append(element("h3", study.factors.length ? `Varied: ${study.factors.join(", ")}` : "Recipes"),
      plainRows(["recipe", ...study.factors, "training seeds"], study.arms.map((arm) => [arm.label, ...arm.levels, arm.seeds])));
  }
  if (study.fixed.values.length) {
    byId("fixed").append(element("h3", `Held fixed: ${study.fixed.groups.join(", ") || "a part of each group"}`),
      folded(`All ${study.fixed.values.length} values that the runs share`, () => pairs(study.fixed.values)));
  }
}

function fillAnswer() {
  data.parts.forEach((part, i) => {
    const at = byId("sentences"), [answer, ...others] = part.summary;
    if (data.parts.length > 1) at.append(element("h3", `Table ${i + 1}${part.imported ? " (imported, not measured here)" : ""}`));
    at.append(element("p", answer, {class: "lead"}));
    if (others.length) {
      const list = at.appendChild(element("ul"));
      for (const sentence of others) list.append(element("li", sentence));
    }
  });
  const warnings = [...data.warnings, ...data.parts.flatMap((part, i) => part.warnings.map((w) => data.parts.length > 1 ? `Table ${i + 1}. ${w}` : w))];
  if (data.parts.length > 1) warnings.unshift(`Mixed settings: the rows are in ${data.parts.length} tables, as they were measured in different ways.`);
  if (!warnings.length) return;
  const heads = [...new Set(warnings.map((line) => line.replace(/^Table \d+\. /, "").split(":")[0].toLowerCase()))];
  byId("warnings").append(folded(`Before you quote a number: ${heads.join(", ")}`, () => {
    const made = element("div");
    for (const line of warnings) made.append(element("p", line, {class: "warning"}));
    return made;
  }));
}

function fillTables() {
  data.parts.forEach((part, i) => {
    valueTable(byId("score-tables"), part.recipes);
    if (part.table.rows.length > part.recipes.rows.length) {
      byId("score-tables").append(folded(`All ${part.table.rows.length} rows: every checkpoint and every run`, (inside) => valueTable(inside, part.table)));
    }
    part.blocks.forEach((block, j) => {
      const most = block.table.rows.length > FOREST ? ` (the first ${FOREST} of ${block.table.rows.length})` : "";
      byId("forests").append(element("h3", block.title + most), element("div", null, {id: `forest${i}-${j}`, class: "plot"}),
        folded("By benchmark, with p", (inside) => valueTable(inside, block.table)));
    });
  });
  for (const table of data.references) valueTable(byId("score-tables"), table);
  if (!data.parts.some((part) => part.blocks.length)) byId("differences").hidden = true;
}

const chosen = new Set([...data.recipes.keys()].slice(0, VISIBLE));  // recipes whose curves are drawn
const plots = [];  // id and how to draw it

function fillCurves() {
  const add = (parent, title, wide, how) => {
    const id = `curve${plots.length}`, figure = parent.appendChild(element("figure", null, {class: wide ? "panel wide" : "panel"}));
    figure.append(element("figcaption", title), element("div", null, {id, class: "plot"}));
    plots.push([id, () => how(id, wide)]);
  };
  const grid = (title) => {
    if (title) byId("curves").append(element("h3", title));
    return byId("curves").appendChild(element("div", null, {class: "grid"}));
  };
  data.parts.forEach((part, i) => {
    if (!part.panels.length) return;
    const at = grid(data.parts.length > 1 ? `Scores of table ${i + 1}: pass@1, percent` : "Scores: pass@1, percent");
    part.panels.forEach((panel, j) => add(at, panel.title === "Avg." ? "Average over the benchmarks" : panel.title, j === 0,
      (id, wide) => draw(id, ...scorePlot(panel, wide))));
  });
  if (data.traces.length) {
    const at = grid("Logged in training (running mean of several runs)");
    for (const plot of data.traces) add(at, plot.title, false, (id) => draw(id, ...loggedPlot(plot)));
  }
  if (!plots.length) { byId("learning").hidden = true; return; }
  data.recipes.forEach((label, place) => {
    const button = element("button", null, {type: "button", "aria-pressed": String(chosen.has(place))});
    button.append(swatch(place), label);
    button.addEventListener("click", () => {
      chosen[chosen.has(place) ? "delete" : "add"](place);
      button.setAttribute("aria-pressed", String(chosen.has(place)));
      drawCurves();
    });
    byId("legend").append(button);
  });
}

function drawCurves() { for (const [id, how] of plots) later(id, how); }

function drawPlots() {
  drawCurves();
  data.parts.forEach((part, i) => part.blocks.forEach((block, j) => later(`forest${i}-${j}`, () => forest(`forest${i}-${j}`, block))));
  if (!data.costs.length) return;
  const priced = data.costs.every((row) => row.dollars !== null), most = Math.max(...data.costs.map((row) => row.hours));
  const scale = priced ? 1 : most < 1 ? 60 : 1, unit = priced ? "US dollars" : most < 1 ? "device-minutes" : "device-hours";
  const shown = data.costs.slice(0, 60).reverse(), labels = shown.map((row) => row.run);
  const bars = {type: "bar", orientation: "h", x: shown.map((row) => (priced ? row.dollars : row.hours) * scale), y: labels.map(plain),
    marker: {color: COLOURS[0]}, hovertemplate: "%{y}<br>%{x:.3g} " + unit + "<extra></extra>"};
  later("cost-plot", () => {
    const made = layout(`training cost<br>(${unit})`, "", {height: 100 + rowsHeight(labels), showlegend: false, margin: {t: 20, r: 15, b: 70, l: 60}});
    Object.assign(made.yaxis, labelled(labels));
    return draw("cost-plot", [bars], made);
  });
}

function fillCosts() {
  if (!data.costs.length) { byId("cost").hidden = true; return; }
  plainTable(byId("cost-table"), [
    {title: "run", field: "run", formatter: (c) => breakable(c.getValue()), headerFilter: "input", headerFilterPlaceholder: "filter", widthGrow: 3}, {title: "hardware", field: "hardware", formatter: "plaintext"},
    {title: "training (device-hours)", field: "hours", hozAlign: "right", formatter: (c) => number(c.getValue(), 3)},
    {title: "training (US dollars)", field: "dollars", hozAlign: "right", formatter: (c) => number(c.getValue(), 2)},
    {title: "evaluation (wall hours)", field: "evaluation", hozAlign: "right", formatter: (c) => number(c.getValue(), 3)},
    {title: "from", field: "source", formatter: "textarea"}], data.costs);
}

function fillStudies() {
  if (!data.studies.length) { byId("sweeps").hidden = true; return; }
  for (const study of data.studies) {
    byId("studies").append(element("h3", study.name), element("p", study.file, {class: "hint"}));
    if (study.error) { byId("studies").append(element("p", `Cannot be read: ${study.error}`, {class: "warning"})); continue; }
    const filter = {headerFilter: "input", headerFilterPlaceholder: "filter"};
    const columns = [{title: "trial", field: "number", sorter: "number"}, {title: "state", field: "state", formatter: "plaintext", ...filter}];
    study.objectives.forEach((name, i) => columns.push({title: escaped(name), field: "v" + i, sorter: "number", hozAlign: "right",
      formatter: (c) => number(c.getValue(), 3), headerFilter: "input", headerFilterFunc: ">=", headerFilterPlaceholder: "at least"}));
    study.factors.forEach((name, i) => columns.push({title: escaped(name), field: "p" + i, ...filter,
      sorter: study.trials.some((trial) => typeof trial.params[i] === "number") ? "number" : "string", formatter: "plaintext"}));
    columns.push({title: "seconds", field: "seconds", sorter: "number", hozAlign: "right", formatter: (c) => number(c.getValue(), 0)},
      {title: "run", field: "run", formatter: "plaintext", ...filter});
    plainTable(byId("studies"), columns, study.trials.map((trial) => ({...trial,
      ...Object.fromEntries(trial.values.map((value, i) => ["v" + i, value])), ...Object.fromEntries(trial.params.map((value, i) => ["p" + i, significant(value)])), run: trial.run.slice(0, 8)})));
  }
}

function fillOrigins() {
  const rows = data.provenance.runs.map((run) => {
    const call = run.invocations.at(-1) || {};
    return {name: run.name, id: run.id.slice(0, 8), time: (call.time || "").slice(0, 16).replace("T", " "),
      commit: call.commit ? call.commit.slice(0, 10) + (call.dirty ? " + changes" : "") : run.imported ? "imported" : "not stated",
      argv: (call.argv || []).join(" ")};
  });
  byId("runs").append(folded(`${rows.length} runs with their commits and commands`, (inside) => plainTable(inside, [
    {title: "run", field: "name", formatter: "plaintext"}, {title: "id", field: "id", formatter: "plaintext"},
    {title: "last started", field: "time", formatter: "plaintext"}, {title: "commit", field: "commit", formatter: "plaintext"},
    {title: "arguments", field: "argv", formatter: "textarea", widthGrow: 3, headerFilter: "input", headerFilterPlaceholder: "filter"}], rows)));
}

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  byId("theme").textContent = name === "dark" ? "Light" : "Dark";
  byId("theme").setAttribute("aria-label", `Use the ${name === "dark" ? "light" : "dark"} theme`);
}

const system = window.matchMedia("(prefers-color-scheme: dark)");
setTheme(system.matches ? "dark" : "light");
byId("theme").addEventListener("click", () => { setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"); drawPlots(); });
system.addEventListener("change", () => { setTheme(system.matches ? "dark" : "light"); drawPlots(); });
narrowScreen.addEventListener("change", drawPlots);
fillStudy();
fillAnswer();
fillTables();
fillCurves();
fillCosts();
fillStudies();
fillOrigins();
for (const section of document.querySelectorAll("main > section:not([hidden])")) {
  byId("sections").append(element("a", section.querySelector("h2").textContent, {href: "#" + section.id}));
}
drawPlots();
makeViewer(JSON.parse(byId("completions").textContent));
document.documentElement.dataset.ready = "true";
