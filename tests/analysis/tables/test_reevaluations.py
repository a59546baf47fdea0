"""The re-evaluations that are laid beside measured rows: each with its source, second-hand ones marked."""

from openrs.analysis import formats
from openrs.analysis.tables import references


def test_every_row_has_a_source_and_what_is_second_hand_says_so():
    rows = references._read("reevaluations.csv")
    assert {row["reference"] for row in rows} == references.OTHERS.keys()
    marked = {row["reference"] for row in rows if row["note"].startswith("SECOND-HAND")}
    assert marked == {"2509.21882", "lora-a100"}
    shown = formats.markdown(references.table("others"))
    assert "| Open-RS3 (2509.21882: SECOND-HAND; mean of 32 samples) | 30.9 |" in shown
    assert (
        "2509.21882: Tu et al., arXiv 2509.21882, as a public wiki quotes it; its table was not seen."
        in shown
    )
    assert (
        "| DeepScaleR-1.5B-Preview (rllm-12: mean of 64 samples; 41.0 of 16 and 40.7 of 32) | 41.4 |" in shown
    )
