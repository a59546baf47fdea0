"""The report in a real browser: sorting, filtering, provenance, the viewer; nothing leaves the page."""

import json
import os
import shutil

import optuna
import pytest

from openrs.analysis import commands as cli
from openrs.records.files import write_record
from tests.helpers.run_folders import make_run, store_texts

CHROMIUM = os.environ.get("OPENRS_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None, reason="no Chromium (install it, or set OPENRS_CHROMIUM to its path)"
    ),
]

HOSTILE = (
    "</script><script>window.hurt = 1</script><img src=x onerror='window.hurt = 2'>"
    "<!--<script> \u2028 \\(\\href{javascript:window.hurt=3}{x}\\) \\[\\includegraphics{http://x.invalid/y}\\]"
    " unclosed <b> \\(\\frac{1 </p> \ud800"
)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    outputs = tmp_path_factory.mktemp("outputs")
    halves = {"aime24": [[1, 0] * 15], "amc23": [[0, 1] * 20]}
    store_texts(
        make_run(outputs, "base", {0: halves}, report_step=0), lambda i: f"base {i}", "\\(\\frac{1}{2}\\)"
    )
    exp1 = {10: {"aime24": [[1] * 30], "amc23": [[1] * 40]}, 20: halves}
    folder = make_run(outputs, "exp1", exp1)
    store_texts(folder, lambda i: HOSTILE if i == 1 else f"then \\(\\frac{{{i}}}{{7}}\\) follows")
    record = json.loads((folder / "run.json").read_text())
    call = {"time": "2025-01-02", "argv": ["openrs", "experiment=exp1"], "commit": "c0ffee", "dirty": True}
    write_record(folder / "run.json", record | {"invocations": [call]})
    write_record(folder / "train.json", {"device_hours": 0.5})
    (folder / "train").mkdir()
    logged = [json.dumps({"step": step, "reward": step / 10}) for step in range(1, 21)]
    (folder / "train" / "metrics.jsonl").write_text("\n".join(logged))
    other = {10: halves, 20: {"aime24": [[0, 1] * 15], "amc23": [[0, 1] * 20]}}
    store_texts(make_run(outputs, "<b>exp2", other), lambda i: f"rare-word {i}")
    (outputs / "sweeps" / "lr").mkdir(parents=True)
    study = optuna.create_study(
        storage=f"sqlite:///{outputs}/sweeps/lr/study.db", study_name="lr-1", direction="maximize"
    )
    for number in range(3):
        trial = study.ask({"learning_rate": optuna.distributions.FloatDistribution(1e-6, 1e-3)})
        study.tell(trial, float(10 * number))
    page = outputs / "report.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["analysis", "report", str(outputs), "-o", str(page)])
        assert cli.main() == 0
    return page


@pytest.fixture(scope="module")
def browser():
    sync = pytest.importorskip("playwright.sync_api")
    with sync.sync_playwright() as made:
        started = made.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=0)
        yield started
        started.close()


@pytest.fixture
def page(report, browser):
    """The report, opened; at the end nothing was logged, thrown or asked of a network."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.set_default_timeout(120_000)
    messages, requests = [], []
    opened.on("console", lambda message: messages.append(message.text))
    opened.on("pageerror", lambda error: messages.append(str(error)))
    opened.on("request", lambda request: requests.append(request.url))
    opened.goto(report.as_uri())
    opened.wait_for_selector("html[data-ready=true]")
    yield opened
    assert messages == []
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
    assert sum(url.startswith("file:") for url in requests) == 1
    assert opened.evaluate("window.hurt") is None
    opened.close()


def says(page, place, text):
    """Waits for a text. (No wait_for_function: it evaluates a string, which the page's policy forbids.)"""
    from playwright.sync_api import expect

    expect(page.locator(place)).to_contain_text(text, timeout=120_000)


def has(page, place, count):
    """Waits for so many elements."""
    from playwright.sync_api import expect

    expect(page.locator(place)).to_have_count(count, timeout=120_000)


def sort(page, place, field, direction):
    """Clicks a column's title, and waits until the table says that it is sorted so."""
    from playwright.sync_api import expect

    head = page.locator(f"{place} .tabulator-col[tabulator-field='{field}']").first
    head.locator(".tabulator-col-title").first.click()
    expect(head).to_have_attribute("aria-sort", direction, timeout=120_000)


def column(page, place, field):
    """What a table's column shows, top to bottom."""
    cells = page.locator(f"{place} .tabulator-row .tabulator-cell[tabulator-field='{field}']")
    return [text.split("\n")[0].split(" ")[0] for text in cells.all_inner_texts()]


def test_columns_sort_by_value(page):
    sort(page, "#score-tables", "c0", "descending")
    numbers = [float(text) for text in column(page, "#score-tables", "c0")]
    assert numbers == sorted(numbers, reverse=True)
    assert len(set(numbers)) > 1
    sort(page, "#score-tables", "c0", "ascending")
    numbers = [float(text) for text in column(page, "#score-tables", "c0")]
    assert numbers == sorted(numbers)


def test_a_cell_tells_its_provenance_by_click_and_by_key(page):
    cell = page.get_by_role("button", name="exp1, AIME24: 100.0").first
    cell.click()
    text = page.locator("#provenance").inner_text()
    for part in (
        "c0ffee and uncommitted changes",
        "temperature",
        "0.6",
        "experiment=exp1",
        "/eval/step-00010/",
    ):
        assert part in text
    page.keyboard.press("Escape")
    assert not page.locator("#provenance").is_visible()
    cell.focus()
    page.keyboard.press("Enter")
    assert page.locator("#provenance").is_visible()
    page.keyboard.press("Escape")


def test_trials_sort_and_filter(page):
    assert column(page, "#studies", "number") == ["0", "1", "2"]
    sort(page, "#studies", "v0", "ascending")
    sort(page, "#studies", "v0", "descending")
    assert column(page, "#studies", "number") == ["2", "1", "0"]
    page.locator("#studies .tabulator-col[tabulator-field='v0'] input").press_sequentially("5")
    has(page, "#studies .tabulator-row", 2)
    assert column(page, "#studies", "number") == ["2", "1"]


def test_curves_show_values_under_the_pointer_and_recipes_are_switched(page):
    assert page.locator("#curves figcaption").all_inner_texts() == [
        "Average over the benchmarks", "AIME24", "AMC23", "mean reward of a completion"]  # fmt: skip
    page.locator("#curve0").scroll_into_view_if_needed()
    page.wait_for_selector("#curve0 .scatterlayer .point")
    page.locator("#curve0 .scatterlayer .point").last.hover(force=True)
    page.wait_for_selector("#curve0 .hoverlayer .hovertext")
    assert "step 10" in page.locator("#curve0 .hoverlayer .hovertext").first.text_content()
    has(page, "#curve0 .scatterlayer .trace", 6)  # of each recipe band, line and ring
    page.get_by_role("button", name="exp1", exact=False).and_(page.locator("#legend button")).click()
    has(page, "#curve0 .scatterlayer .trace", 3)


def test_what_changed_between_two_rows_is_counted_and_listed(page):
    choose(page, "the base", "<b>exp2, step 20, last")
    rows = page.locator("#changes tr").all_inner_texts()
    assert [row.split() for row in rows[1:]] == [
        ["AIME24", "0", "15", "15", "0"],
        ["AMC23", "20", "0", "0", "20"],
    ]
    page.get_by_role("button", name="AIME24: 15 lost. List them").click()
    says(page, "#found", "15 of 70 problems")
    page.locator("#verdicts").select_option("")
    page.locator("#longest").fill("8")
    says(page, "#found", "0 of 70 problems")
    page.locator("#longest").fill("9")
    says(page, "#found", "30 of 70 problems")
    page.locator("#cut").select_option("some")
    says(page, "#found", "0 of 70 problems")


def test_notes_and_every_checkpoint_fold_away(page):
    assert not page.get_by_text("No checkpoint was selected").first.is_visible()
    page.get_by_text("All 5 rows: every checkpoint and every run").click()
    says(page, "#score-tables", "exp1, step 20, last")


def choose(page, left, right):
    page.locator("#left").select_option(label=left)
    page.locator("#right").select_option(label=right)


def test_the_viewer_puts_disagreements_first_and_finds_words(page):
    choose(page, "the base", "exp1, step 20, last")
    assert page.locator("#found").inner_text() == "70 of 70 problems"
    choose(page, "the base", "<b>exp2, step 20, last")
    marks = page.locator("#problems button").all_inner_texts()
    split = [text[0] != text[2] for text in marks]
    assert split == sorted(split, reverse=True)
    assert sum(split) == 30
    page.locator("#verdicts").select_option("gained")
    says(page, "#found", "15 of ")
    page.locator("#verdicts").select_option("")
    page.locator("#search").fill("RARE-WORD 29")
    says(page, "#found", "2 of ")
    assert "rare-word 29" in page.locator("#completion").inner_text()
    assert "base 29" in page.locator("#completion").inner_text()
    page.locator("#problems button").first.focus()
    page.keyboard.press("ArrowDown")
    assert page.locator("#problems button").nth(1).get_attribute("aria-current") == "true"


def test_text_of_models_is_inert_and_maths_is_rendered(page):
    choose(page, "the base", "exp1, step 20, last")
    page.locator("#search").fill("unclosed")
    says(page, "#found", "2 of ")
    shown = page.locator("#completion .pair")
    assert (
        "</script><script>window.hurt = 1</script><img src=x onerror='window.hurt = 2'>" in shown.inner_text()
    )
    assert page.locator("#completion img, #completion script, #completion b, #completion a").count() == 0
    page.locator("#search").fill("follows")
    has(page, "#completion .pair .katex .mfrac", 1)
    page.locator("#maths").uncheck()
    assert page.locator("#completion .katex").count() == 0


def test_labels_with_tags_are_text(page):
    assert page.locator("main b:not(.tabulator b)").count() == 0
    assert "<b>exp2" in page.locator("#score-tables").inner_text()


def test_themes_and_narrow_screens(page):
    page.locator("#theme").click()
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(21, 24, 28)"
    page.evaluate("document.querySelector('#left').options[0].text = 'an arm of a long name '.repeat(5)")
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function("document.documentElement.scrollWidth <= 390")


def test_what_is_printed_is_drawn_before_it_comes_into_sight(page):
    assert page.evaluate("wanted.size") > 0
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("wanted.size") == 0
    page.wait_for_function("document.querySelectorAll('.plot .main-svg').length > 3")


def test_the_title_of_a_plot_is_whole_on_a_narrow_screen(page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator("#theme").click()  # draws anew what was drawn wide
    page.locator("#forest0-0").scroll_into_view_if_needed()
    page.wait_for_function(  # in one look: a plot that is drawn anew is for a moment not there
        """() => {
            const title = document.querySelector("#forest0-0 .xtitle")?.getBoundingClientRect()
            const plot = document.querySelector("#forest0-0").getBoundingClientRect()
            return title && title.width > 0 && title.left >= plot.left && title.right <= plot.right
                && title.bottom <= plot.bottom
        }"""
    )


def test_a_plot_keeps_its_height_when_the_window_changes(page):
    page.locator("#forest0-0").scroll_into_view_if_needed()
    height = "document.querySelector('#forest0-0 .main-svg')?.getBoundingClientRect().height"
    page.wait_for_function(f"() => {height} > 0")
    before = page.evaluate(height)
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        page.locator("#forest0-0").scroll_into_view_if_needed()
        page.wait_for_function(
            "() => Math.abs(document.querySelector('#forest0-0 .main-svg')?.getBoundingClientRect().width"
            " - document.querySelector('#forest0-0').clientWidth) < 2"
        )
    page.wait_for_function(f"() => {height} === {before}")


def test_a_keyboard_reaches_sections_and_the_skip_link(page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#study"
