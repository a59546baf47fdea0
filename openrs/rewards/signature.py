"""The signature of a user's reward function: whether TRL can call it, with the arguments of the config."""

import copy
import inspect
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, NoReturn

from openrs.errors import refuse
from openrs.rewards.user_code import UserCode, described

BATCH = ("prompts", "completions", "completion_ids")
COLUMNS = ("id", "draw", "problem", "solution")
"""What a row of the training set has besides its prompt; answer_kind too where not all are mathematics."""
GIVEN = (*BATCH, *COLUMNS, "trainer_state", "log_extra", "log_metric")
"""What a reward function is called with, by name: lists with one item a completion, then TRL's own."""


def reward(code: UserCode, arguments: dict[str, Any]) -> Callable[..., Any]:
    """The reward function: the named one with the arguments, or what it makes of them where it takes none of
    prompts, completions and completion_ids.

    Raises:
        Mistake: it cannot be called as TRL calls it.
    """
    signature = _signature(code, code.target)
    if _takes_batch(signature):
        _check(code, signature, arguments)
        return lambda **batch: code.target(**batch, **copy.deepcopy(arguments))
    name = code.reference.rpartition(":")[2]
    taken = f"takes none of {', '.join(BATCH)}, so {name} is taken for one that makes the reward, and"
    try:
        signature.bind(**arguments)
        function = code.target(**copy.deepcopy(arguments))
    except (Exception, SystemExit) as error:
        rule = f"{taken} cannot be called with arguments={arguments} ({described(error)})"
        _refuse(code, rule, "Name one of the three in its signature, or mend the arguments")
    if not callable(function) or not _takes_batch(signature := _signature(code, function)):
        rule = f"{taken} what it makes is no reward function ({type(function).__name__})"
        _refuse(code, rule, "Return a function of completions and **kwargs")
    _check(code, signature, {})
    return function


def _refuse(code: UserCode, rule: str, remedy: str) -> NoReturn:
    refuse(f"{code.field}.function", code.reference, rule, remedy)


def _signature(code: UserCode, target: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(target)
    except (TypeError, ValueError):
        _refuse(code, "states no parameters", "Call it from a function that does")


def _takes_batch(signature: inspect.Signature) -> bool:
    kinds = {item.kind for item in signature.parameters.values()}
    return any(name in signature.parameters for name in BATCH) or kinds == {inspect.Parameter.VAR_KEYWORD}


def _check(code: UserCode, signature: inspect.Signature, arguments: dict[str, Any]) -> None:
    """Refuses a function that TRL could not call with these arguments, and an argument that it does not name,
    which its **kwargs would take in silence."""
    parameters = signature.parameters.values()
    named = [item.name for item in parameters if item.kind not in (item.VAR_KEYWORD, item.VAR_POSITIONAL)]
    for name, value in arguments.items():
        field = f"{code.field}.arguments.{name}"
        if name in GIVEN:
            refuse(field, value, "is what training gives the function", "Rename the parameter")
        if name not in named:
            close = get_close_matches(name, [item for item in named if item not in GIVEN], 1)
            remedy = f"Give {close[0]}" if close else "Name it in the signature, or leave it out"
            refuse(field, value, f"is no parameter of {code.reference}", remedy)
    needed = [item.name for item in parameters if item.name in named and item.default is item.empty]
    if lacking := [name for name in needed if name not in (*GIVEN, *arguments)]:
        rule = f"needs {', '.join(lacking)}, and a row has {', '.join(COLUMNS)}"
        _refuse(code, rule, f"Give it, as '{code.field}.arguments={{{lacking[0]}: VALUE}}'")
    try:
        signature.bind(**dict.fromkeys(GIVEN), **arguments)
    except TypeError as error:
        _refuse(code, f"cannot be called as TRL calls it ({error})", "End its parameters with **kwargs")
