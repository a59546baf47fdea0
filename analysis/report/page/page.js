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

function fillSummary() {
  byId("title").textContent = data.title;
  document.title = data.title;
  data.parts.forEach((part, i) => {
    if (data.parts.length > 1) byId("sentences").append(element("li", `Table ${i + 1}${part.imported ? " (imported, not measured here)" : ""}:`));
    for (const sentence of part.summary) byId("sentences").append(element("li", sentence));
  });
  const warnings = [...data.warnings, ...data.parts.flatMap((part, i) => part.warnings.map((w) => data.parts.length > 1 ? `Table ${i + 1}. ${w}` : w))];
  if (data.parts.length > 1) warnings.unshift(`Mixed settings: the rows are in ${data.parts.length} tables, as they were measured in different ways.`);
  for (const line of warnings) byId("warnings").append(element("p", line, {class: "warning"}));
}

function fillTables() {
  data.parts.forEach((part, i) => {
    valueTable(byId("score-tables"), part.table);
    if (part.differences) {
      byId("difference-tables").append(element("div", null, {id: "forest" + i, class: "plot"}));
      valueTable(byId("difference-tables"), part.differences);
    }
  });
  for (const table of data.references) valueTable(byId("score-tables"), table);
  if (!data.parts.some((part) => part.differences)) byId("difference-tables").append(element("p", "No base model is among the rows.", {class: "hint"}));
}

function fillCurves() {
  const choices = [];
  data.parts.forEach((part, i) => {
    for (const [title, curves] of Object.entries(part.curves)) {
      const name = data.parts.length > 1 ? `${title} (table ${i + 1})` : title;
      choices.push([`Score: ${name}`, () => draw("curves", curveTraces(curves), layout("training step", "pass@1 (%)"))]);
    }
  });
  for (const [key, traces] of Object.entries(data.traces)) {
    choices.push([`Logged: ${data.logged[key]}`, () => draw("curves", loggedTraces(traces), layout("training step", data.logged[key]))]);
  }
  const select = byId("curve");
  choices.forEach(([name], i) => select.append(element("option", name, {value: i})));
  select.addEventListener("change", () => later("curves", choices[select.value][1]));
  if (!choices.length) byId("learning").hidden = true;
}

function drawPlots() {
  if (byId("curve").options.length) byId("curve").dispatchEvent(new Event("change"));
  data.parts.forEach((part, i) => { if (part.differences) later("forest" + i, () => forest("forest" + i, part.differences)); });
  if (!data.costs.length) return;
  const priced = data.costs.every((row) => row.dollars !== null), most = Math.max(...data.costs.map((row) => row.hours));
  const scale = priced ? 1 : most < 1 ? 60 : 1, unit = priced ? "US dollars" : most < 1 ? "device-minutes" : "device-hours";
  const shown = data.costs.slice(0, 60).reverse(), labels = shown.map((row) => row.run);
  const bars = {type: "bar", orientation: "h", x: shown.map((row) => (priced ? row.dollars : row.hours) * scale), y: labels.map(plain),
    marker: {color: COLOURS[0]}, hovertemplate: "%{y}<br>%{x:.3g} " + unit + "<extra></extra>"};
  later("cost-plot", () => {
    const made = layout(`training cost (${unit})`, "", {height: 100 + rowsHeight(labels), showlegend: false, margin: {t: 20, r: 15, b: 60, l: 60}});
    Object.assign(made.yaxis, labelled(labels));
    return draw("cost-plot", [bars], made);
  });
}

function fillCosts() {
  if (!data.costs.length) { byId("cost").hidden = true; return; }
  plainTable(byId("cost-table"), [
    {title: "run", field: "run", formatter: "textarea", headerFilter: "input", headerFilterPlaceholder: "filter", widthGrow: 3}, {title: "hardware", field: "hardware", formatter: "plaintext"},
    {title: "training (device-hours)", field: "hours", hozAlign: "right", formatter: (c) => number(c.getValue(), 3)},
    {title: "training (US dollars)", field: "dollars", hozAlign: "right", formatter: (c) => number(c.getValue(), 2)},
    {title: "evaluation (wall hours)", field: "evaluation", hozAlign: "right", formatter: (c) => number(c.getValue(), 3)},
    {title: "from", field: "source", formatter: "textarea"}], data.costs);
}

function fillStudies() {
  if (!data.studies.length) byId("studies").append(element("p", "No sweep under sweeps/ has a trial. One that is kept in a database is shown where the report is made with --storage URL.", {class: "hint"}));
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

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  byId("theme").textContent = name === "dark" ? "Light" : "Dark";
  byId("theme").setAttribute("aria-label", `Use the ${name === "dark" ? "light" : "dark"} theme`);
}

const system = window.matchMedia("(prefers-color-scheme: dark)");
setTheme(system.matches ? "dark" : "light");
byId("theme").addEventListener("click", () => { setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"); drawPlots(); });
system.addEventListener("change", () => { setTheme(system.matches ? "dark" : "light"); drawPlots(); });
for (const section of document.querySelectorAll("main > section")) {
  byId("sections").append(element("a", section.querySelector("h2").textContent, {href: "#" + section.id}));
}
fillSummary();
fillTables();
fillCurves();
fillCosts();
fillStudies();
drawPlots();
makeViewer(JSON.parse(byId("completions").textContent));
document.documentElement.dataset.ready = "true";
