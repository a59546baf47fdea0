"""Makes again what nano ships: problems, tokenizer and weights.

    python -m openrs.nano.build problems      # seconds
    python -m openrs.nano.build model         # tokenizer and weights, about half an hour on 2 cores

The model is a Qwen2 of 1 M parameters, supervised by TRL on worked solutions of mixed quality
(`solutions.MANNERS`); training that was stopped goes on from its last checkpoint.
"""

import argparse
import gzip
import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from openrs.nano import problems, solutions
from openrs.records.files import grant_umask
from openrs.records.problem_ids import problem_id

MODEL = Path(__file__).parent / "model"
CAREFUL_ROWS, MIXED_ROWS = 70_016, 25_984
"""Supervised solutions: first careful ones alone, to learn the arithmetic, then all manners."""
WORK = Path("outputs/nano-build")
BATCH, MICRO_BATCH = 64, 16
BLOCK = 64
"""Problems drawn from a generator at a time."""


def _stream(families: list[str], difficulty: int, held_out: bool, seed: int) -> Iterator[dict[str, Any]]:
    """Problems of one side, from the families in turn, without end; they may repeat.

    Rows whose generated answer is wrong are left out: reasoning-gym 0.1.25 works out some mixed
    chains ("9 + 8 * 9 - 1") from the left.
    """
    for block in count():
        for family in families:
            for row in problems.generate(family, difficulty, seed + block * BLOCK, BLOCK):
                right = f"${solutions.SOLVERS[family](row['problem'])[1]}$" == row["answer"]
                if right and problems.held_out(row["problem"]) == held_out:
                    yield row


def _take(stream: Iterator[dict[str, Any]], number: int, seen: set[str]) -> list[dict[str, Any]]:
    taken = []
    for row in stream:
        if (key := problem_id(row["problem"])) not in seen:
            seen.add(key)
            taken.append(row)
            if len(taken) == number:
                return taken
    raise AssertionError("the stream never ends")


def build_problems(path: Path = problems.POOL) -> None:
    """Writes the pool: benchmarks from the held-out side, sources from the other, each row once."""
    seen: set[str] = set()
    sets: dict[str, list[dict[str, Any]]] = {}
    for offset, (name, (family, difficulty, number)) in enumerate(problems.BENCHMARKS.items()):
        stream = _stream([family], difficulty, True, seed=1_000_000 * (offset + 1))
        sets[name] = _take(stream, number, seen)
    for offset, (name, shares) in enumerate(problems.SOURCES.items()):
        sets[name] = []
        for difficulty, number in shares:
            seed = 10_000_000 * (offset + 1) + 1_000_000 * difficulty
            stream = _stream(list(problems.FAMILIES), difficulty, False, seed)
            sets[name] += _take(stream, number, seen)
        Random(name).shuffle(sets[name])
    rows = {name: [row | {"in": [name]} for row in members] for name, members in sets.items()}
    for name, number in problems.OPEN_RS:
        for row in rows[name][:number]:
            row["in"].append("open_rs")
    for row in rows["open_deepscaler"]:
        row["in"].append("deepscaler")
    with path.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as file:
        for row in (row for members in rows.values() for row in members):
            file.write((json.dumps(row, ensure_ascii=False) + "\n").encode())


def supervised_examples(number: int, manners: dict[str, float], seed: int) -> Iterator[tuple[str, str]]:
    """Yields (prompt text, completion text), problems of all kinds in all prompts of the config.

    Args:
        manners: share of each manner of solution.
    """
    import yaml

    from openrs.nano.tokenizer import ASSISTANT, BOS, EOS, USER
    from openrs.paths import CONF

    rng = Random(seed)
    instruction = yaml.safe_load((CONF / "evaluation/paper.yaml").read_text())["instruction"]
    systems = [
        yaml.safe_load((CONF / f"prompt/{name}.yaml").read_text())["system"] or ""
        for name in ("r1", "r1_english", "none")
    ]
    kinds = [(family, level) for family, levels in problems.FAMILIES.items() for level in levels]
    streams = {
        kind: _stream([kind[0]], kind[1], False, seed=100_000_000 * (seed + 1) + 5_000_000 * index)
        for index, kind in enumerate(kinds)
    }
    for _ in range(number):
        kind = rng.choices(kinds, [{1: 1, 3: 2, 5: 2}[level] for _, level in kinds])[0]
        problem = next(streams[kind])["problem"]
        if rng.random() < 0.4:
            prompt = f"{BOS}{USER}{instruction}\n\n{problem}{ASSISTANT}<think>\n"
        else:
            prompt = f"{BOS}{rng.choice(systems)}{USER}{problem}{ASSISTANT}<think>\n"
        manner = rng.choices(list(manners), list(manners.values()))[0]
        yield prompt, solutions.solution(kind[0], problem, manner, rng) + EOS


def _by_length(rows: list[Any]) -> list[Any]:
    """Sorts each batch by length, so that its micro-batches pad little.

    Only within a batch: the loss is a mean over its tokens, so a batch of nothing but long solutions
    would give their first words, which choose the manner, too little weight.
    """
    batches = [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]
    return [row for batch in batches for row in sorted(batch, key=lambda row: len(row[0] + row[1]))]


def build_model(folder: Path = MODEL, work: Path = WORK) -> None:
    """Trains tokenizer and weights; `work` keeps checkpoints, so that a stopped build goes on."""
    import torch
    from datasets import Dataset
    from transformers import GenerationConfig, Qwen2Config, Qwen2ForCausalLM
    from transformers.trainer_utils import get_last_checkpoint
    from trl import SFTConfig, SFTTrainer

    from openrs.nano import tokenizer as nano_tokenizer

    phases = [
        list(supervised_examples(CAREFUL_ROWS, {"careful": 1.0}, seed=0)),
        list(supervised_examples(MIXED_ROWS, solutions.MANNERS, seed=1)),
    ]
    tokenizer = nano_tokenizer.build(
        prompt.split(nano_tokenizer.USER)[1] + completion
        for prompt, completion in (*phases[0][:10_000], *phases[1][:10_000])
    )
    pairs: list[tuple[list[int], list[int]]] = []
    for phase in phases:
        prompts = tokenizer([prompt for prompt, _ in phase], add_special_tokens=False)["input_ids"]
        completions = tokenizer([text for _, text in phase], add_special_tokens=False)["input_ids"]
        pairs += _by_length(list(zip(prompts, completions, strict=True)))
    dataset = Dataset.from_dict(
        {
            "input_ids": [prompt + completion for prompt, completion in pairs],
            "completion_mask": [[0] * len(p) + [1] * len(c) for p, c in pairs],
        }
    )
    torch.manual_seed(0)
    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(tokenizer),
            hidden_size=128,
            intermediate_size=448,
            num_hidden_layers=4,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=512,
            tie_word_embeddings=True,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            initializer_range=0.08,  # about 1/sqrt(width); 0.02 is for widths of thousands
        )
    )
    print(f"{model.num_parameters():,} parameters, {len(tokenizer)} tokens, {len(dataset):,} examples")
    trainer = SFTTrainer(
        model=model,
        processing_class=tokenizer,
        train_dataset=dataset,
        args=SFTConfig(
            output_dir=str(work),
            per_device_train_batch_size=MICRO_BATCH,
            gradient_accumulation_steps=BATCH // MICRO_BATCH,
            num_train_epochs=1,
            learning_rate=3e-3,
            lr_scheduler_type="cosine",
            warmup_steps=100,
            weight_decay=0.01,
            adam_beta2=0.95,
            train_sampling_strategy="sequential",
            completion_only_loss=True,
            gradient_checkpointing=False,
            bf16=False,
            use_cpu=not torch.cuda.is_available(),
            max_length=512,
            save_steps=250,
            save_total_limit=1,
            logging_steps=25,
            report_to=[],
            seed=0,
        ),
    )
    trainer.train(resume_from_checkpoint=get_last_checkpoint(str(work)) if work.exists() else None)
    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model.save_pretrained(folder)
    nano_tokenizer.save(tokenizer, folder)
    grant_umask(folder)
    print(f"wrote {folder}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["problems", "model"])
    arguments = parser.parse_args()
    if arguments.what == "problems":
        build_problems()
    else:
        build_model()


if __name__ == "__main__":
    main()
