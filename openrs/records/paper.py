"""What the paper published: its benchmarks, scores, costs and times, as data; never mixed with measured rows.

Paper: Dang and Ngo, arXiv 2503.16219 v2.
"""

from dataclasses import dataclass

SOURCE = 'Dang and Ngo, "Reinforcement Learning for Reasoning in Small LLMs", arXiv 2503.16219 v2'

BASE = "DeepSeek-R1-Distill-Qwen-1.5B"
"""The untrained model of the three experiments; also its name on the Hub, under deepseek-ai/."""
PARAMETERS = 1_777_088_000
"""Weights of BASE, and of the models that were trained from it."""

BENCHMARKS = ("aime24", "math_500", "amc23", "minerva", "olympiadbench")
"""Names of the five benchmarks in the catalogs, in the order of Table 1's columns."""
PROBLEMS = {"AIME24": 30, "MATH-500": 500, "AMC23": 40, "Minerva": 272, "OlympiadBench": 675}
"""Table 4: title of each benchmark -> its problems, in the same order."""
TITLES = tuple(PROBLEMS)

STEP_SECONDS = 24 * 3600 / 500
"""24 hours for 500 training steps on 4 x A40: the abstract and Table 2."""
COMPLETIONS_A_STEP = 72
"""Twelve prompts, six completions each: Table 5 and the authors' recipes."""
TRAINING_DEVICES, SAMPLING_DEVICES = 3, 1
"""How the 4 x A40 shared a step: three trained, one served vLLM."""
A40_TFLOPS, A40_BANDWIDTH = 149.7, 696
"""Dense bfloat16 operations (10^12 a second) and memory bandwidth (GB/s) of an A40: NVIDIA's data sheet."""
PROBLEM_SECONDS = 2.2 * 3600 / sum(PROBLEMS.values())
"""2.2 hours a model on one GPU for the problems of the five benchmarks: the published evaluation logs."""


@dataclass(frozen=True)
class PublishedRow:
    """A row of Table 1 as printed; None is a dash of the paper."""

    group: str
    model: str
    scores: tuple[float | None, ...]
    """Percent, in the order of TITLES."""
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

ATTRIBUTES = ("Base Model", "SFT Data", "RM Data", "RM", "RL Data", "Hardware", "Time", "Cost Est.")
"""The rows of Tables 2 and 3."""
OPEN_RS = (BASE, "0", "0", "None", "7k x 6", "1x 4 A40 48GB", "24h", "$42")
TABLE2 = {
    "rStar-Math-7B": (
        *("Qwen2.5-Math-7B", "7.3M", "7k", "None", "3.647M x 16"),
        *("10x 8 H100 80GB, 15x 4 A100 40GB", "–", "–"),
    ),
    "Eurus-2-7B-PRIME": (
        *("Qwen2.5-Math-7B", "230k", "0", "Eurus-2-7B-SFT", "150k x 4"),
        *("1x 8 A100 80GB", "72h", "$1088"),
    ),
    "Qwen2.5-7B-SimpleRL": (
        *("Qwen2.5-Math-7B", "0", "0", "None", "8k x 8"),
        *("4x 6 A100 80GB", "36h", "$1633"),
    ),
    "Open-RS": OPEN_RS,
}
"""7B models: model -> its values as printed, in the order of ATTRIBUTES."""
TABLE3 = {
    "DeepScaleR-1.5B-Preview": (
        *(BASE, "0", "0", "None", "40k x 16"),
        *("8x A100 80GB", "240h", "$3629"),
    ),
    "Still-3-1.5B-Preview": (
        *(BASE, "0", "0", "None", "30k x 8"),
        *("1x 8 A100 80GB", "150h", "$2268"),
    ),
    "Open-RS": OPEN_RS,
}
"""1.5B models, in the same form."""


def dollars(model: str) -> float | None:
    """The training cost of a row of Table 1 by Table 3; of an Open-RS model that of one experiment."""
    values = TABLE3.get("Open-RS" if model.startswith("Open-RS") else model)
    return float(values[-1].removeprefix("$")) if values else None
