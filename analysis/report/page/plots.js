"use strict";
const COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00"];
const SYMBOLS = ["circle", "square", "triangle-up", "diamond", "triangle-down", "cross"];
const DASHES = ["solid", "dash", "dashdot", "dot"];
const VISIBLE = 6;  // recipes drawn at first; the legend switches the others on

function colour(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }

function layout(x, y, more) {
  const axis = {gridcolor: colour("--line"), zerolinecolor: colour("--line"), automargin: true};
  return {paper_bgcolor: colour("--ground"), plot_bgcolor: colour("--ground"), font: {color: colour("--text"), size: 12},
    margin: {t: 20, r: 15, b: 50, l: 60}, hovermode: "closest", height: 440,
    legend: {orientation: "h", y: -0.2, font: {size: 11}},
    xaxis: {...axis, title: {text: x}}, yaxis: {...axis, title: {text: y}}, ...more};
}

const wanted = new Map();  // id of a plot that is out of sight -> how to draw it
const sight = new IntersectionObserver((entries) => {
  for (const {isIntersecting, target} of entries) {
    if (isIntersecting && wanted.has(target.id)) { wanted.get(target.id)(); wanted.delete(target.id); }
  }
}, {rootMargin: "300px"});

// Draws when the plot comes into sight: a page of many plots opens at once.
function later(id, how) {
  wanted.set(id, how);
  const target = document.getElementById(id);
  sight.unobserve(target);
  sight.observe(target);
}

// Paper has no sight: what is printed is drawn before.
window.addEventListener("beforeprint", () => {
  for (const draw of wanted.values()) draw();
  wanted.clear();
});

// plotly's code is text until the first plot comes into sight, as running it takes longer than all else.
function plotly() {
  if (!window.Plotly) {
    const code = document.createElement("script");
    code.textContent = document.getElementById("plotly").textContent;
    document.head.append(code);
  }
  return window.Plotly;
}

function draw(id, traces, made) {
  // plotly fits the plot to it when the window changes
  Object.assign(document.getElementById(id).style, {height: `${made.height}px`, minHeight: 0});
  return plotly().react(id, traces, made, {responsive: true, displaylogo: false,
    modeBarButtonsToRemove: ["lasso2d", "select2d"], showSendToCloud: false, showEditInChartStudio: false});
}

function look(i) {
  return {color: COLOURS[i % COLOURS.length], symbol: SYMBOLS[i % SYMBOLS.length], dash: DASHES[i % DASHES.length]};
}

function plain(text) { return escaped(text); }  // plotly reads a few tags in labels

const LINES = 3;  // of a label

// A label in lines; beside a plot, of a width that leaves room for it.
function broken(text, width = narrow() ? 18 : 38) {
  const lines = [""];
  for (const part of text.split(/(?<=[ +=,/])/)) {
    if (lines.at(-1) && lines.at(-1).length + part.length > width) lines.push("");
    lines[lines.length - 1] += part;
  }
  const shown = lines.slice(0, LINES).map((line) => plain(line.trim()));
  return shown.join("<br>") + (lines.length > LINES ? "..." : "");
}

// An axis of labels, shown in lines; a point's hover has the whole one.
function labelled(labels) {
  const whole = labels.map(plain);
  return {type: "category", categoryorder: "array", categoryarray: whole, tickmode: "array", tickvals: whole, ticktext: labels.map((label) => broken(label))};
}

// Pixels of a plot with one row a label.
function rowsHeight(labels) {
  const most = Math.max(...labels.map((label) => broken(label).split("<br>").length));
  return labels.length * Math.max(26, 8 + 14 * most);
}

// The colour, symbol and dashes of a recipe, beside its name.
function swatch(place) {
  const {color, symbol} = look(place), marks = {circle: "●", square: "■", "triangle-up": "▲", diamond: "◆", "triangle-down": "▼", cross: "✚"};
  return element("span", marks[symbol] + " ", {style: `color: ${color}`, "aria-hidden": "true"});
}

function scorePlot(panel, wide) {
  const traces = [], shown = panel.curves.filter((curve) => chosen.has(curve.recipe));
  for (const curve of shown) {
    const {color, symbol, dash} = look(curve.recipe), steps = curve.points.map((p) => p[0]), single = steps.length === 1;
    const bounded = curve.points.filter((p) => p[2] !== null);
    if (!curve.single && bounded.length > 1) {
      traces.push({x: [...bounded.map((p) => p[0]), ...bounded.map((p) => p[0]).reverse()],
        y: [...bounded.map((p) => p[3]), ...bounded.map((p) => p[2]).reverse()],
        fill: "toself", fillcolor: color + "22", line: {width: 0}, mode: "lines", hoverinfo: "skip"});
    }
    traces.push({x: steps, y: curve.points.map((p) => p[1]), name: plain(curve.label),
      mode: curve.single && !single ? "lines" : "lines+markers", opacity: curve.single ? 0.55 : 1,
      line: {color, dash: curve.single ? "solid" : dash, width: curve.single ? 1 : 2.2}, marker: {symbol, size: curve.single ? 4 : 7, color},
      ...(single && !curve.single && bounded.length ? {error_y: {type: "data", symmetric: false, array: [bounded[0][3] - bounded[0][1]],
        arrayminus: [bounded[0][1] - bounded[0][2]], color}} : {}),
      customdata: curve.points.map((p) => p[2] === null ? "" : ` [${p[2].toFixed(1)}, ${p[3].toFixed(1)}]`),
      hovertemplate: "step %{x}<br>%{y:.1f} %%{customdata}<extra>%{fullData.name}</extra>"});
    const at = curve.points.filter((p) => p[0] === curve.reported && !curve.single);
    if (at.length) traces.push({x: [at[0][0]], y: [at[0][1]], mode: "markers", hoverinfo: "skip",
      marker: {symbol: "circle-open", size: 15, color, line: {width: 1.5}}});
  }
  const line = {color: colour("--text"), width: 1.2, dash: "dash"};
  const made = layout("training step", "", {height: wide ? 340 : 250, showlegend: false, margin: {t: 10, r: 12, b: 45, l: 40},
    shapes: panel.bases.map(([, level]) => ({type: "line", xref: "paper", x0: 0, x1: 1, y0: level, y1: level, line})),
    annotations: panel.bases.map(([label, level]) => ({xref: "paper", x: 0.995, xanchor: "right", y: level, yanchor: "bottom", showarrow: false,
      text: plain(label), font: {size: 10, color: colour("--soft")}}))});
  const values = [...shown.flatMap((curve) => curve.points.flatMap((p) => curve.single ? [p[1]] : [p[1], p[2] ?? p[1], p[3] ?? p[1]])), ...panel.bases.map((base) => base[1])];
  if (values.length) {  // a line of the layout sets no limits
    const air = 0.06 * (Math.max(...values) - Math.min(...values)) || 1;
    made.yaxis.range = [Math.min(...values) - air, Math.max(...values) + air];
  }
  return [traces, made];
}

function loggedPlot(plot) {
  const lines = plot.lines.filter((line) => chosen.has(line.recipe) || line.recipe >= data.recipes.length);
  return [lines.map((line) => ({x: line.steps, y: line.values, mode: "lines", name: plain(line.label), opacity: line.single ? 0.3 : 1,
    line: {color: look(line.recipe).color, dash: line.single ? "solid" : look(line.recipe).dash, width: line.single ? 0.8 : 1.8},
    hovertemplate: "step %{x}<br>%{y:.4g}<extra>%{fullData.name}</extra>"})),
    layout("training step", "", {height: 250, showlegend: false, margin: {t: 10, r: 12, b: 45, l: 40}})];
}

const FOREST = 40;  // rows of a forest

function forest(id, block) {
  const place = block.column, rows = block.table.rows.slice(0, FOREST).filter((row) => row.cells[place]).reverse(), [low, high] = block.limits;
  const side = (real) => {
    const kept = rows.filter((row) => strong(row.cells[place]) === real), cells = kept.map((row) => row.cells[place]);
    const color = real ? colour("--accent") : colour("--soft");
    return {type: "scatter", mode: "markers", x: cells.map((c) => c[M.mean]), y: kept.map((row) => plain(row.label)),
      error_x: {type: "data", symmetric: false, array: cells.map((c) => (c[M.high] ?? c[M.mean]) - c[M.mean]),
        arrayminus: cells.map((c) => c[M.mean] - (c[M.low] ?? c[M.mean])), color, thickness: block.runs ? 1 : 2, width: 0},
      marker: {size: block.runs ? 7 : 10, color: real ? color : colour("--ground"), line: {width: 1.6, color}},
      text: cells.map((c) => cellParts(c).range), hovertemplate: "%{y}<br>%{x:+.1f} points %{text}<extra></extra>"};
  };
  const beyond = (symbol, at, out) => ({type: "scatter", mode: "markers", x: rows.filter(out).map(() => at), y: rows.filter(out).map((row) => plain(row.label)),
    marker: {symbol, size: 9, color: colour("--soft")}, hoverinfo: "skip", cliponaxis: false});
  const made = layout("points", "", {height: 80 + rowsHeight(rows.map((row) => row.label)), showlegend: false, margin: {t: 8, r: 20, b: 45, l: 60},
    shapes: [{type: "line", x0: 0, x1: 0, y0: 0, y1: 1, yref: "paper", line: {color: colour("--text"), width: 1}}]});
  Object.assign(made.yaxis, labelled(rows.map((row) => row.label)));
  made.xaxis.range = [low, high];
  if (narrow()) made.yaxis.tickfont = {size: 10};
  return draw(id, [side(true), side(false),
    beyond("triangle-left", low, (row) => row.cells[place][M.low] !== null && row.cells[place][M.low] < low),
    beyond("triangle-right", high, (row) => row.cells[place][M.high] !== null && row.cells[place][M.high] > high)], made);
}
