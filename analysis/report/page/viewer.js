"use strict";
// Text of models is only ever set as textContent; KaTeX renders formulas in it with trust off.
function makeViewer(sample) {
  const at = (id) => document.getElementById(id);
  const list = at("problems"), answer = at("answer");
  at("sample").textContent = sample.said;
  if (!sample.problems.length) { document.querySelector("#answers .controls").hidden = true; return; }
  for (const id of ["left", "right"]) sample.rows.forEach((label, i) => at(id).append(element("option", label, {value: i})));
  at("right").value = sample.rows.length - 1;
  at("benchmark").append(element("option", "all", {value: ""}));
  for (const title of new Set(sample.problems.map((p) => p.b))) at("benchmark").append(element("option", title, {value: title}));
  let shown = [], current = 0;

  function fits(problem, words) {
    const [left, right] = [problem.a[at("left").value], problem.a[at("right").value]];
    if (at("benchmark").value && problem.b !== at("benchmark").value) return false;
    const wanted = at("verdicts").value;
    if (wanted) {
      if (!left || !right) return false;
      const [l, r] = [left[0], right[0]];
      if (!({differ: l !== r, both: l && r, neither: !l && !r, gained: !l && r, lost: l && !r})[wanted]) return false;
    }
    return !words || [problem.q, problem.g, ...[left, right].map((a) => a ? a[3] : "")].some((t) => t.toLowerCase().includes(words));
  }

  function split(problem) {
    const [left, right] = [problem.a[at("left").value], problem.a[at("right").value]];
    return left && right && left[0] !== right[0] ? 1 : 0;
  }

  function mark(one) { return one ? verdict(one[0]).split(" ")[0] : "–"; }

  function verdict(share) { return share === 1 ? "✓ right" : share ? share.toFixed(2) : "✗ wrong"; }

  function refresh() {
    const words = at("search").value.trim().toLowerCase();
    shown = sample.problems.filter((problem) => fits(problem, words));
    shown.sort((one, other) => split(other) - split(one));  // stable: else as they were drawn
    at("found").textContent = `${shown.length} of ${sample.problems.length} problems`;
    const [l, r] = [at("left").value, at("right").value];
    list.replaceChildren(...shown.map((problem, i) => {
      const button = element("button", `${mark(problem.a[l])} ${mark(problem.a[r])}  ${problem.b} ${problem.id.slice(0, 6)}`, {type: "button"});
      button.addEventListener("click", () => show(i));
      const item = element("li");
      item.append(button);
      return item;
    }));
    if (shown.length) show(0); else answer.replaceChildren();
  }

  function withMaths(made) {
    if (at("maths").checked) {
      renderMathInElement(made, {throwOnError: false, errorCallback: () => {}, trust: false, strict: "ignore", maxExpand: 200, maxSize: 20,
        delimiters: [{left: "$$", right: "$$", display: true}, {left: "\\[", right: "\\]", display: true},
          {left: "\\(", right: "\\)", display: false}, {left: "$", right: "$", display: false}]});
    }
    return made;
  }

  function text(content) { return withMaths(element("div", content, {class: "text", tabindex: 0})); }

  function side(problem, place) {
    const made = element("div"), one = problem.a[place];
    made.append(element("h3", sample.rows[place]));
    if (!one) { made.append(element("p", "No completion is stored.", {class: "hint"})); return made; }
    const line = element("p");
    line.append(element("span", verdict(one[0]), {class: one[0] ? "right" : "wrong"}),
      `${one[1] === null ? "" : `, ${one[1]} tokens`}${one[2] ? ", cut at the limit" : ""}`);
    made.append(line, text(one[3]));
    return made;
  }

  function show(i) {
    current = i;
    const problem = shown[i], pair = element("div", null, {class: "pair"});
    list.querySelectorAll("button").forEach((button, j) => button.setAttribute("aria-current", String(j === i)));
    pair.append(side(problem, at("left").value), side(problem, at("right").value));
    const gold = element("p", "Gold answer: ");
    gold.append(withMaths(element("span", problem.g || "not stored", {class: "gold"})));
    answer.replaceChildren(element("h3", `${problem.b}, problem ${problem.id}`),
      problem.q ? text(problem.q) : element("p", "The problem's text is not stored with its scores.", {class: "hint"}), gold, pair);
  }

  list.addEventListener("keydown", (event) => {
    const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
    if (!step || !shown[current + step]) return;
    event.preventDefault();
    show(current + step);
    list.querySelectorAll("button")[current].focus();
  });
  for (const id of ["left", "right", "benchmark", "verdicts"]) at(id).addEventListener("change", refresh);
  at("maths").addEventListener("change", () => { if (shown.length) show(current); });
  let waiting;
  at("search").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(refresh, 150); });
  refresh();
}
