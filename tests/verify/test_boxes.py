"""The reader of boxed answers: filters of rows read every box, majority votes the last one."""

import time

import pytest

from openrs.verify.boxes import boxes, last_box


@pytest.mark.parametrize(
    ("text", "contents", "last"),
    [
        ("so $\\boxed{42}$", ["42"], "42"),
        ("\\boxed {5}", ["5"], "5"),
        ("first \\boxed{1}, then \\boxed\n{\\frac{1}{ 2}}.", ["1", "\\frac{1}{ 2}"], "\\frac{1}{ 2}"),
        ("\\boxed{\\frac{1}{2}} and \\fbox{3}", ["\\frac{1}{2}", "3"], "3"),
        ("\\boxed{ \\boxed{1} }", [" \\boxed{1} "], "1"),
        ("\\boxed{2 \\boxed{1}", ["1"], "1"),
        ("\\boxed{} is empty", [""], ""),
        ("\\boxed{7} and, cut off, \\boxed{8", ["7"], "7"),
        ("\\boxed 7} and the box is $42$", [], None),
        ("", [], None),
    ],
)
def test_boxes(text, contents, last):
    assert boxes(text) == contents
    assert last_box(text) == last


@pytest.mark.parametrize("text", ["\\boxed{" * 30_000, "\\boxed{" * 30_000 + "}" * 30_000])
def test_a_text_that_opens_boxes_without_end_costs_linear_time(text):
    began = time.process_time()
    boxes(text), last_box(text)
    assert time.process_time() - began < 10
