"use strict";
// Text of models is only ever set as textContent; KaTeX renders formulas in it with trust off.
function makeViewer(sample) {
  const at = (id) => document.getElementById(id);
  const list = at("problems"), answer = at("completion");
  at("sample").textContent = sample.said;
  if (!sample.problems.length) { document.querySelector("#answers .controls").hidden = true; document.querySelector("#answers details").open = true; return; }
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
    const both = [left, right].filter(Boolean), cut = at("cut").value;
    if (cut && both.some((one) => one[2]) !== (cut === "some")) return false;
    const [from, to] = [at("shortest").valueAsNumber, at("longest").valueAsNumber];
    if ((from || to) && !both.some((one) => one[1] !== null && !(one[1] < from) && !(one[1] > to))) return false;
    return !words || [problem.q, problem.g, ...[left, right].map((a) => a ? a[3] : "")].some((t) => t.toLowerCase().includes(words));
  }

  function split(problem) {
    const [left, right] = [problem.a[at("left").value], problem.a[at("right").value]];
    return left && right && left[0] !== right[0] ? 1 : 0;
  }

  function mark(one) { return one ? verdict(one[0]).split(" ")[0] : "–"; }

  function verdict(share) { return share === 1 ? "✓ right" : share ? share.toFixed(2) : "✗ wrong"; }

  const KINDS = {both: "both right", gained: "gained", lost: "lost", neither: "both wrong"};

  // What changed from left to right, over all problems and not only those of the sample; a number leads to the list.
  function changes() {
    const rows = [];
    for (const [title, verdicts] of Object.entries(sample.outcomes)) {
      const left = verdicts[at("left").value], right = verdicts[at("right").value], counts = {both: 0, gained: 0, lost: 0, neither: 0};
      for (let i = 0; i < left.length; i++) {
        const kind = {"11": "both", "01": "gained", "10": "lost", "00": "neither"}[left[i] + right[i]];
        if (kind) counts[kind] += 1;
      }
      rows.push([title, ...Object.keys(KINDS).map((kind) => {
        const cell = element("td"), button = cell.appendChild(element("button", counts[kind], {type: "button", class: "cell", "aria-label": `${title}: ${counts[kind]} ${KINDS[kind]}. List them`}));
        button.addEventListener("click", () => { at("benchmark").value = title; at("verdicts").value = kind; refresh(); });
        return cell;
      })]);
    }
    const made = element("details");
    made.open = at("changes").querySelector("details")?.open ?? true;
    made.append(element("summary", "What changed from left to right, in problems"), plainRows(["", ...Object.values(KINDS)], rows));
    at("changes").replaceChildren(made);
  }

  function refresh() {
    const words = at("search").value.trim().toLowerCase();
    shown = sample.problems.filter((problem) => fits(problem, words));
    shown.sort((one, other) => split(other) - split(one));  // stable: else as they were drawn
    at("found").textContent = `${shown.length} of ${sample.problems.length} problems`;
    const [l, r] = [at("left").value, at("right").value];
    list.replaceChildren(...shown.map((problem, i) => {
      const button = element("button", null, {type: "button"});
      button.append(element("span", `${mark(problem.a[l])} ${mark(problem.a[r])}  ${problem.b}${problem.q ? "" : " " + problem.id.slice(0, 6)}`), element("span", problem.q.slice(0, 140), {class: "question"}));
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
  for (const id of ["benchmark", "verdicts", "cut"]) at(id).addEventListener("change", refresh);
  for (const id of ["left", "right"]) at(id).addEventListener("change", () => { changes(); refresh(); });
  at("maths").addEventListener("change", () => { if (shown.length) show(current); });
  let waiting;
  for (const id of ["search", "shortest", "longest"]) at(id).addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(refresh, 150); });
  changes();
  refresh();
}
