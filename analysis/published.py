"""The paper's Table 1, as published: data with its source, never mixed with measured rows."""

from dataclasses import dataclass

SOURCE = 'Dang and Ngo, "Reinforcement Learning for Reasoning in Small LLMs", arXiv 2503.16219 v2, Table 1'

BASE = "DeepSeek-R1-Distill-Qwen-1.5B"
"""The untrained model of the three experiments; also its name on the Hub, under deepseek-ai/."""


@dataclass(frozen=True)
class PublishedRow:
    """A row as printed; None is a dash of the paper."""

    group: str
    model: str
    scores: tuple[float | None, ...]
    """Percent, in the paper's order of columns: AIME24 ... OlympiadBench."""
    average: float | None


TABLE1 = (
    PublishedRow("General", "Llama-3.1-70B-Instruct", (16.7, 64.6, 30.1, 35.3, 31.9), 35.7),
    PublishedRow("General", "o1-preview", (44.6, 85.5, None, None, None), None),
    PublishedRow("7B", "Qwen-2.5-Math-7B-Instruct", (13.3, 79.8, 50.6, 34.6, 40.7), 43.8),
    PublishedRow("7B", "rStar-Math-7B", (26.7, 78.4, 47.5, None, 47.1), None),
    PublishedRow("7B", "Eurus-2-7B-PRIME", (26.7, 79.2, 57.8, 38.6, 42.1), 48.9),
    PublishedRow("7B", "Qwen2.5-7B-SimpleRL", (26.7, 82.4, 62.5, 39.7, 43.3), 50.9),
    PublishedRow("1.5B", "DeepSeek-R1-Distill-Qwen-1.5B", (28.8, 82.8, 62.9, 26.5, 43.3), 48.9),
    PublishedRow("1.5B", "Still-3-1.5B-Preview", (32.5, 84.4, 66.7, 29.0, 45.4), 51.6),
    PublishedRow("1.5B", "DeepScaleR-1.5B-Preview", (43.1, 87.8, 73.6, 30.2, 50.0), 57.0),
    PublishedRow("Open-RS", "Open-RS1 (100 steps)", (30.0, 83.8, 70.0, 29.0, 52.4), 53.0),
    PublishedRow("Open-RS", "Open-RS2 (50 steps)", (30.0, 85.4, 80.0, 30.5, 52.4), 55.7),
    PublishedRow("Open-RS", "Open-RS3 (50 steps)", (46.7, 84.4, 72.5, 26.8, 51.3), 56.3),
)
"""All twelve rows. DeepScaleR's average is printed as 57.0 though its columns give 56.9."""
