"""A user's own reward: its config, and the function that TRL calls.

    'reward.custom.brevity={function: rewards.py:brevity, weight: 0.5, arguments: {cap: 200}}'

The function has TRL's signature: it gets prompts, completions, completion_ids and the columns of the rows by
name, and returns one number or None a completion. What it keeps from call to call is not saved with a
checkpoint.
"""

import asyncio
import inspect
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

from openrs.errors import Mistake
from openrs.rewards.signature import reward
from openrs.rewards.time_limit import Expired, limited
from openrs.rewards.user_code import UserCode, described, load, place_of

ANEW = "A changed file is another run."
LARGEST = 3e38
"""TRL adds rewards in float32, where more is infinite."""


@dataclass(kw_only=True)
class CustomReward:
    """A user's own reward function."""

    version: ClassVar[int] = 1
    function: str
    """`rewards.py:brevity`, a file in the working directory, or `package.module:brevity`. A function or
    class that takes none of prompts, completions and completion_ids makes the reward function of its
    arguments, as TRL's get_soft_overlong_punishment does."""
    weight: float = 1.0
    arguments: dict[str, Any] = field(default_factory=dict)
    """Given to the function by name."""
    time_limit: float = 300.0
    """Seconds that one call may take: for the completions that one process generated at once."""

    def code(self, name: str) -> UserCode:
        """The function and its source.

        Raises:
            Mistake: it cannot be imported.
        """
        return load(f"reward.custom.{name}", self.function)

    def identity(self, name: str) -> dict[str, Any]:
        """What decides its values: the text of its source, wherever that is, and the arguments."""
        return {
            "function": self.function.rpartition(":")[2],
            "source": self.code(name).digest,
            "arguments": self.arguments,
            "weight": self.weight,
            "version": self.version,
        }

    def term(self, name: str) -> "CustomTerm":
        """The function as TRL calls it.

        Raises:
            Mistake: it cannot be imported, or called as TRL calls it.
        """
        code = self.code(name)
        return CustomTerm(name, code, reward(code, self.arguments), self.time_limit)


class CustomTerm:
    """A user's function as TRL calls it, in each process for its own completions.

    What it returns is checked, and whatever goes wrong is one error with the function and the row.
    """

    def __init__(self, name: str, code: UserCode, function: Callable[..., Any], seconds: float) -> None:
        self.__name__ = name
        self.code, self.function, self.seconds = code, function, seconds
        self.loop: asyncio.Runner | None = None
        """One for all calls: a client that an async function keeps belongs to its loop."""

    def __call__(self, **batch: Any) -> list[float | None]:
        """Returns one reward per completion.

        Raises:
            Mistake: the function raised or hung, or returned something else than numbers and None.
        """
        count = len(batch["completions"])
        try:
            values = limited(self.seconds, partial(self._values, batch))
        except Expired as error:
            raise Mistake(
                f"{self.code.field}.time_limit={self.seconds:g}: {self.code.reference} did not return within "
                f"so many seconds{self._step(batch)}, for {count} completions{self._place(error)}. Give it "
                f"more seconds, and the run goes on from its last checkpoint, or mend it. {ANEW}"
            ) from None
        except (Exception, SystemExit) as error:
            problem = f"raised {described(error)}{self._place(error)}, {self._failing(batch)}"
            raise self._mistake(batch, problem, "Mend the function") from error
        if not isinstance(values, list):
            problem = f"returned {_short(values)}, which is no list"
            raise self._mistake(batch, problem, "Return a list of one number or None a completion")
        if len(values) != count:
            problem = f"returned {len(values)} rewards for {count} completions"
            raise self._mistake(batch, problem, "Return one number or None for each")
        return [self._number(value, batch, place) for place, value in enumerate(values)]

    def _values(self, batch: dict[str, Any]) -> Any:
        """What the function returns, as a list where it is a sequence of any kind."""
        result = self.function(**batch)
        if inspect.isawaitable(result):
            self.loop = self.loop or asyncio.Runner()
            result = self.loop.run(_awaited(result))
        is_sequence = isinstance(result, Iterable) and not isinstance(result, str | bytes | dict)
        return list(result) if is_sequence else result

    def _number(self, value: Any, batch: dict[str, Any], place: int) -> float | None:
        if value is None:
            return None
        try:
            number = math.nan if isinstance(value, str | bytes) else float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not -LARGEST < number < LARGEST:
            problem = f"returned {_short(value)} for {_row(batch, place)}, which is no finite number"
            raise self._mistake(batch, problem, "Return one, or None for a completion that it does not judge")
        return number

    def _failing(self, batch: dict[str, Any]) -> str:
        """The first completion with which the function raises alone, if that is found in time."""
        try:
            place = limited(self.seconds, partial(self._first_failing, batch))
        except Expired:
            place = None
        if place is not None:
            return f"at {_row(batch, place)}"
        count = len(batch["completions"])
        return f"with {count} completions together, of which the first is {_row(batch, 0)}"

    def _first_failing(self, batch: dict[str, Any]) -> int | None:
        count = len(batch["completions"])
        for place in range(count):
            alone = {
                key: [item[place]] if isinstance(item, list) and len(item) == count else item
                for key, item in batch.items()
            }
            try:
                self._values(alone)
            except (Exception, SystemExit):
                return place
        return None

    def _mistake(self, batch: dict[str, Any], problem: str, remedy: str) -> Mistake:
        where = f"{self.code.field}: {self.code.reference}"
        return Mistake(f"{where} {problem}{self._step(batch)}. {remedy}. {ANEW}")

    def _step(self, batch: dict[str, Any]) -> str:
        step = getattr(batch.get("trainer_state"), "global_step", None)
        return "" if step is None else f", at step {step + 1}"

    def _place(self, error: BaseException) -> str:
        """The line of the user's file, in brackets."""
        return place_of(error, *(str(source.path) for source in self.code.sources))


async def _awaited(result: Any) -> Any:
    return await result


def _short(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def _row(batch: dict[str, Any], place: int) -> str:
    """A completion by its place and its row."""
    row = f" (problem {batch['id'][place]} of {batch['draw'][place]})" if "id" in batch else ""
    return f"completion {place + 1} of {len(batch['completions'])}{row}"
