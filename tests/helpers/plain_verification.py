"""What openrs.verify is held against: a corpus of real gold answers, and math-verify called plainly.

The corpus is built from the data mirror's gold answers, one completion a gold answer, in four kinds:
right (the answer said again, often in another notation), wrong (another problem's answer, or a near
miss), long (about 8 kB of worked reasoning before either), and malformed (unclosed, empty, unboxed,
cut off, or twice boxed answers).
"""

import json
import random
import re
import signal
from functools import cache

KINDS = ("right", "wrong", "long", "malformed")

SETS = (  # data set, split, question, gold column, gold kind; as conf/catalog has them
    ("HuggingFaceH4/aime_2024", "train", "problem", "answer", "expr"),
    ("HuggingFaceH4/MATH-500", "test", "problem", "solution", "latex"),
    ("knoveleng/AMC-23", "train", "problem", "answer", "expr"),
    ("knoveleng/Minerva-Math", "train", "problem", "solution", "latex"),
    ("knoveleng/OlympiadBench", "train", "question", "answer", "latex"),
)
SOURCE = "agentica-org/DeepScaleR-Preview-Dataset/train.jsonl"


def _rows(path):
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _content(gold):
    """What stands in the last box of a gold answer, else the answer without dollar signs."""
    at = gold.rfind("\\boxed{")
    if at < 0:
        return gold.strip().strip("$").strip()
    depth = 0
    for end in range(at + 6, len(gold)):
        depth += {"{": 1, "}": -1}.get(gold[end], 0)
        if depth == 0:
            return gold[at + 7 : end]
    return gold[at + 7 :]


def _otherwise(answer, rng):
    """The same answer as a model may write it."""
    forms = [answer, answer, answer.replace("\\frac", "\\dfrac"), f" {answer} ", answer.replace(" ", "")]
    if re.fullmatch(r"-?\d+", answer):
        forms += [f"{answer}.0", f"x = {answer}", f"{int(answer) * 2}/2", f"{int(answer):,}"]
    fraction = re.fullmatch(r"\\d?frac\{(\d+)\}\{(\d+)\}", answer)
    if fraction:
        top, bottom = fraction.groups()
        forms += [
            f"{top}/{bottom}",
            f"{int(top) / int(bottom):.7f}",
            f"\\frac{{{2 * int(top)}}}{{{2 * int(bottom)}}}",
        ]
    return rng.choice(forms)


def _amiss(answer, others, rng):
    """A wrong answer: a near miss, or the answer to another problem."""
    near = re.sub(
        r"\d+", lambda match: str(int(match.group()[:15]) + rng.choice((1, 2, 10))), answer, count=1
    )
    return near if near != answer and rng.random() < 0.6 else rng.choice(others)


def _ending(answer, rng):
    return rng.choice(
        (
            f"Therefore, the final answer is: $\\boxed{{{answer}}}$. I hope it is correct",
            f"</think>\n\nThe answer is\n\\[\n\\boxed{{{answer}}}\n\\]",
            f"</think>\n\n**Final Answer**\n\\boxed{{{answer}}}",
            f"so the value is $\\boxed{{{answer}}}$.",
            f"Adding up, we get \\( \\boxed{{{answer}}} \\).",
        )
    )


def _malformed(answer, rng):
    return rng.choice(
        (
            f"so it is \\boxed{{{answer}",
            f"\\boxed{{}} is {answer}",
            f"The answer is ${answer}$",
            f"I think the final answer is {answer}.",
            f"\\boxed{{{answer}}} or rather \\boxed{{{rng.randint(2, 99)}}}",
            f"\\boxed{{\\frac{{{answer}}}}}",
            f"$$\\boxed{{{answer}$$",
            f"\\boxed{answer}",
            f"Therefore, the final answer is: $\\boxed{{{answer}}}$. I hope it is cor",
            f"Therefore, the final answer is $\\boxed{{{answer}}}$ and $\\boxed{{{rng.randint(2, 99)}}}$",
            "We are given that the numbers are",
            "",
        )
    )


@cache
def _sentences(problems):
    """Sentences of real problems: text with the mathematics that a chain of thought has."""
    found = []
    for problem in problems:
        found += [part.strip() for part in re.split(r"(?<=[.?])\s+", problem) if len(part) > 30]
    return found


def _reasoning(sentences, size, rng):
    """Worked reasoning of about `size` characters: sentences of problems, equations, doubts."""
    parts, length = [], 0
    while length < size:
        a, b = rng.randint(2, 99), rng.randint(2, 99)
        part = rng.choice(
            (
                rng.choice(sentences),
                rng.choice(sentences),
                f"So we have ${a}x + {b} = {a * b}$, which gives $x = \\frac{{{a * b - b}}}{{{a}}}$.",
                f"Wait, {a} * {b} = {a * b}, so let me check that again.\n",
                f"Then \\( {a} + {b} = {a + b} \\) and hence it cannot be more than {a + b}.\n\n",
                f"\\[ \\sqrt{{{a}^2 + {b}^2}} = \\sqrt{{{a * a + b * b}}} \\]",
            )
        )
        parts.append(part)
        length += len(part) + 1
    return "<think>\n" + " ".join(parts) + "\n"


@cache
def _golds(mirror, rule):
    """Distinct (gold kind, gold answer) pairs, and the problems' sentences."""
    if rule == "training":
        rows = _rows(mirror / SOURCE)
        golds = [("latex", f"$\\boxed{{{_content(row['answer'])}}}$") for row in rows]
        problems = tuple(row["problem"] for row in rows)
    else:
        golds, problems = [], ()
        for name, split, question, column, kind in SETS:
            rows = _rows(mirror / name / f"{split}.jsonl")
            golds += [(kind, str(row[column])) for row in rows]
            problems += tuple(row[question] for row in rows)
    return list(dict.fromkeys(golds)), _sentences(problems)


def corpus(mirror, rule, count=None, kinds=KINDS, seed=0):
    """(gold kind, gold, completion) of distinct gold answers, shuffled.

    Args:
        mirror: folder of data sets.
        rule: "training": gold answers are DeepScaleR's, boxed as openrs.data.catalog boxes them;
            "evaluation": those of the five benchmarks.
        count: how many; by default all there are.
    """
    rng = random.Random(seed)
    golds, sentences = _golds(mirror, rule)
    answers = [_content(gold) for _, gold in golds]
    made = []
    for number, (gold_kind, gold) in enumerate(rng.sample(golds, len(golds))[:count]):
        kind, answer = kinds[number % len(kinds)], _content(gold)
        if kind == "right":
            text = _ending(_otherwise(answer, rng), rng)
        elif kind == "malformed":
            text = _malformed(answer, rng)
        else:  # half of the long ones are right
            wrong = kind == "wrong" or rng.random() < 0.5
            text = _ending(_amiss(answer, answers, rng) if wrong else _otherwise(answer, rng), rng)
        made.append((gold_kind, gold, _reasoning(sentences, _size(kind, rng), rng) + text))
    rng.shuffle(made)
    return made


def _size(kind, rng):
    return 8000 if kind == "long" else rng.randint(0, 400)


def groups(mirror, rule, count, size=6, seed=0):
    """Groups of completions to one gold answer, as GRPO and repeated evaluation make them.

    No two completions are equal, but their answers repeat: a group gives two or three answers, half of
    them the right one, one in eight unfinished; a fourth of the groups writes at length.
    """
    rng = random.Random(seed)
    golds, sentences = _golds(mirror, rule)
    answers = [_content(gold) for _, gold in golds]
    made = []
    for number, (gold_kind, gold) in enumerate(rng.sample(golds, len(golds))[:count]):
        answer = _content(gold)
        slips = [_amiss(answer, answers, rng) for _ in range(2)]
        for _ in range(size):
            said = answer if rng.random() < 0.5 else rng.choice(slips)
            ending = _malformed(said, rng) if rng.random() < 1 / 8 else _ending(said, rng)
            length = _size("long" if number % 4 == 0 else "short", rng)
            made.append((gold_kind, gold, _reasoning(sentences, length, rng) + ending))
    return made


@cache
def _settings(rule, gold_kind):
    from latex2sympy2_extended import NormalizationConfig
    from math_verify import ExprExtractionConfig, LatexExtractionConfig

    if rule == "training":
        normal = NormalizationConfig(nits=False, malformed_operators=False, basic_latex=True,
                                     equations=True, boxed="all", units=True)  # fmt: skip
        return [LatexExtractionConfig()], [
            LatexExtractionConfig(
                normalization_config=normal, boxed_match_priority=0, try_extract_without_anchor=False
            )
        ]
    gold = ExprExtractionConfig() if gold_kind == "expr" else LatexExtractionConfig()
    return [gold], [ExprExtractionConfig(), LatexExtractionConfig(boxed_match_priority=0)]


class Unfinished(BaseException):
    """math-verify took too long. Not an Exception: math-verify swallows those."""


def _unfinished(*_):
    raise Unfinished


def plain(rule, gold_kind, gold, text, seconds=30):
    """The verdict of math-verify itself, called once for this pair; None where it does not finish.

    training: the paper's reward (False where the gold answer does not parse). evaluation: lighteval's
    metric (an unparsed gold answer is compared as text). One timer stands for the library's own.
    """
    from math_verify import parse, verify

    gold_targets, answer_targets = _settings(rule, gold_kind)
    mode = "first_match" if rule == "training" else "any_match"
    before = signal.signal(signal.SIGVTALRM, _unfinished)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        golds = parse(gold, gold_targets, extraction_mode=mode, parsing_timeout=0)
        if not golds and rule == "training":
            return False
        answers = parse(text, answer_targets, extraction_mode=mode, parsing_timeout=0)
        if rule == "training":
            return bool(verify(answers, golds, timeout_seconds=0))
        return bool(verify(golds or [gold], answers, precision=5, timeout_seconds=0))
    except Unfinished:
        return None
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
