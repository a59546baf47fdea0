"use strict";
const COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00"];
const SYMBOLS = ["circle", "square", "triangle-up", "diamond", "triangle-down", "cross"];
const DASHES = ["solid", "dash", "dashdot", "dot"];
const VISIBLE = 6;  // lines drawn at first; the legend switches the others on

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

function curveTraces(curves) {
  return curves.flatMap((curve, i) => {
    const {color, symbol, dash} = look(i), steps = curve.points.map((p) => p[0]);
    const visible = i < VISIBLE ? true : "legendonly", group = {legendgroup: "g" + i, visible};
    const band = {x: [...steps, ...steps.slice().reverse()],
      y: [...curve.points.map((p) => p[3]), ...curve.points.map((p) => p[2]).reverse()],
      fill: "toself", fillcolor: color + "22", line: {width: 0}, mode: "lines", hoverinfo: "skip", showlegend: false, ...group};
    const single = steps.length === 1;
    const line = {x: steps, y: curve.points.map((p) => p[1]), mode: "lines+markers", name: plain(curve.label),
      line: {color, dash}, marker: {symbol, size: 8, color}, ...group,
      ...(single ? {error_y: {type: "data", symmetric: false, array: curve.points.map((p) => p[3] - p[1]),
        arrayminus: curve.points.map((p) => p[1] - p[2])}} : {}),
      customdata: curve.points.map((p) => [p[2], p[3]]),
      hovertemplate: "step %{x}<br>%{y:.1f} % [%{customdata[0]:.1f}, %{customdata[1]:.1f}]<extra>%{fullData.name}</extra>"};
    return single ? [line] : [band, line];
  });
}

function loggedTraces(traces) {
  return traces.map((trace, i) => ({x: trace.steps, y: trace.values, mode: "lines", name: plain(trace.label),
    line: {color: look(i).color, dash: look(i).dash, width: 1.6}, visible: i < VISIBLE ? true : "legendonly",
    hovertemplate: "step %{x}<br>%{y:.4g}<extra>%{fullData.name}</extra>"}));
}

function forest(id, table) {
  const place = table.columns.length - 1, rows = table.rows.filter((row) => row.cells[place]).slice(0, 40).reverse();
  const side = (real) => {
    const kept = rows.filter((row) => strong(row.cells[place]) === real), cells = kept.map((row) => row.cells[place]);
    return {type: "scatter", mode: "markers", name: real ? "beyond noise" : "could be noise", showlegend: true,
      x: cells.map((c) => c[M.mean]), y: kept.map((row) => plain(row.label)),
      error_x: {type: "data", symmetric: false, array: cells.map((c) => c[M.high] - c[M.mean]),
        arrayminus: cells.map((c) => c[M.mean] - c[M.low]), color: COLOURS[real ? 0 : 1]},
      marker: {size: 9, color: real ? COLOURS[0] : colour("--ground"), line: {width: 1.6, color: COLOURS[real ? 0 : 1]}},
      hovertemplate: "%{y}<br>%{x:+.1f} points<extra></extra>"};
  };
  const made = layout(broken(`${table.title} on average`, narrow() ? 26 : 60) + "<br>(points, 95 % interval)", "",
    {height: (narrow() ? 180 : 150) + rowsHeight(rows.map((row) => row.label)), shapes: [{type: "line", x0: 0, x1: 0, y0: 0, y1: 1, yref: "paper", line: {color: colour("--text"), width: 1}}]});
  Object.assign(made.yaxis, labelled(rows.map((row) => row.label)));
  made.legend = {orientation: "h", y: 1.02, yanchor: "bottom"};
  if (narrow()) made.yaxis.tickfont = {size: 10};
  return draw(id, [side(true), side(false)], made);
}
