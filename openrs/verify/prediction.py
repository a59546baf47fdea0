"""ANTLR's search for the next grammar rule, with less work a step.

The same algorithm as antlr4-python3-runtime 4.13's `ParserATNSimulator` and `ATNConfigSet`, which are written
out method by method as in Java: what is asked of each state and transition is here asked once a grammar,
and configurations are made and looked up without calls in between. Rare cases go to the runtime's own
methods. The tests hold its predictions against theirs.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from antlr4.atn import ParserATNSimulator as runtime
from antlr4.atn.ATNConfig import ATNConfig
from antlr4.atn.ATNConfigSet import ATNConfigSet
from antlr4.atn.ATNState import ATNState, RuleStopState
from antlr4.atn.SemanticContext import SemanticContext
from antlr4.atn.Transition import Transition
from antlr4.PredictionContext import SingletonPredictionContext, merge

_SILENT = (Transition.ATOM, Transition.RANGE, Transition.SET, Transition.NOT_SET, Transition.WILDCARD)
MOST_CLOSURES = 10_000
"""Closures kept."""
_MOVES = (Transition.EPSILON, Transition.RULE)


@dataclass
class Walk:
    """All that the closure meets from one state on, in its order, up to rule ends and left recursion."""

    contexts: list[tuple[int, int, int]] = field(default_factory=list)
    """Contexts to make: number of the context below (0 is the configuration's own), the state that is
    returned to, calls in all."""
    places: list[tuple[int, Any, bool]] = field(default_factory=list)
    """(number of the context, state, whether it is a place to stop at, not one to go on from)."""


def moved(config: Any, state: Any, context: Any) -> Any:
    """A configuration like this one at another state, in another context."""
    made = ATNConfig.__new__(ATNConfig)
    made.state, made.alt, made.context = state, config.alt, context
    made.semanticContext = config.semanticContext
    made.reachesIntoOuterContext = config.reachesIntoOuterContext
    made.precedenceFilterSuppressed = config.precedenceFilterSuppressed
    return made


def equal(context: Any, other: Any) -> bool:
    """`SingletonPredictionContext.__eq__`: the hashes first, then both stacks to where they differ."""
    if context is other:
        return True
    if not isinstance(other, SingletonPredictionContext) or context.cachedHashCode != other.cachedHashCode:
        return False
    return bool(context.returnState == other.returnState and context.parentCtx == other.parentCtx)


class Configurations(ATNConfigSet):
    """ANTLR's set of configurations, looked up by state, alternative and predicates themselves."""

    def add(self, config: Any, mergeCache: Any = None) -> bool:
        predicates = config.semanticContext
        if predicates is SemanticContext.NONE:
            predicates = None  # whose hash is quick
        else:
            self.hasSemanticContext = True
        if config.reachesIntoOuterContext > 0:
            self.dipsIntoOuterContext = True
        key = (config.state.stateNumber, config.alt, predicates)
        existing = self.configLookup.setdefault(key, config)
        if existing is config:
            self.cachedHashCode = -1
            self.configs.append(config)
            return True
        if existing.context is not config.context:
            existing.context = merge(existing.context, config.context, not self.fullCtx, mergeCache)
        if config.reachesIntoOuterContext > existing.reachesIntoOuterContext:
            existing.reachesIntoOuterContext = config.reachesIntoOuterContext
        if config.precedenceFilterSuppressed:
            existing.precedenceFilterSuppressed = True
        return True


class Simulator(runtime.ParserATNSimulator):
    """ANTLR's simulator with a closure that knows the way: each state's walk is found once."""

    walks: ClassVar[dict[int, Walk | None]] = {}
    """By the number of a state; None where the runtime's own method has the word."""
    closures: ClassVar[dict[tuple[Any, ...], tuple[bool, list[Any]]]] = {}
    """By what a closure without predicates depends on, which the alternative is not: whether it left the
    decision's rule, and what it found."""
    conflicted = False
    """Whether SLL prediction has met a conflict, after which LL prediction may predict otherwise."""

    def getExistingTargetState(self, state: Any, token: int) -> Any:
        edges = state.edges
        target = edges[token + 1] if edges is not None and token + 1 < len(edges) else None
        if target is not None and target.requiresFullContext:
            self.conflicted = True
        return target

    def computeTargetState(self, dfa: Any, state: Any, token: int) -> Any:
        target = super().computeTargetState(dfa, state, token)
        self.conflicted = self.conflicted or target.requiresFullContext
        return target

    def closure(self, config: Any, configs: Any, busy: Any, collect: bool, full: bool, end: bool) -> None:
        if collect or end or config.semanticContext is not SemanticContext.NONE:
            super().closure(config, configs, busy, collect, full, end)
            return
        precedence = self._dfa.atnStartState.ruleIndex if self._dfa.precedenceDfa else None
        suppressed = config.precedenceFilterSuppressed
        key = (config.state.stateNumber, config.context, suppressed, full, precedence)
        if key not in self.closures:
            found, start = Configurations(full), moved(config, config.state, config.context)
            start.reachesIntoOuterContext = 0
            super().closure(start, found, set(), collect, full, end)
            if len(self.closures) >= MOST_CLOSURES:
                self.closures.clear()
            self.closures[key] = found.dipsIntoOuterContext, found.configs
        dips, ends = self.closures[key]
        configs.dipsIntoOuterContext = configs.dipsIntoOuterContext or dips
        for one in ends:
            made = moved(config, one.state, one.context)
            made.reachesIntoOuterContext += one.reachesIntoOuterContext
            made.precedenceFilterSuppressed = one.precedenceFilterSuppressed
            configs.add(made, self.mergeCache)

    def closure_(
        self, config: Any, configs: Any, busy: Any, collect: bool, full: bool, depth: int, end: bool
    ) -> None:
        number = config.state.stateNumber
        if number not in self.walks:
            self.walks[number] = _walk(config.state)
        walk = self.walks[number]
        if walk is None or end:  # at the end of the text tokens are epsilon moves too
            super().closure_(config, configs, busy, collect, full, depth, end)
            return
        contexts = [config.context]
        for below, back, _ in walk.contexts:
            contexts.append(SingletonPredictionContext(contexts[below], back))
        for place, state, stop in walk.places:
            made = moved(config, state, contexts[place])
            if stop:
                configs.add(made, self.mergeCache)
                continue
            calls = walk.contexts[place - 1][2] if place and depth >= 0 else 0
            self.closureCheckingStopState(made, configs, busy, collect, full, depth + calls, end)


def _own(state: Any) -> bool:
    """Whether the runtime's method must treat a state: a rule's end, left recursion, predicates."""
    recursive = state.stateType == ATNState.STAR_LOOP_ENTRY and state.isPrecedenceDecision
    kinds = {transition.serializationType for transition in state.transitions}
    return recursive or isinstance(state, RuleStopState) or not kinds <= {*_SILENT, *_MOVES}


def _walk(start: Any) -> Walk | None:
    if _own(start):
        return None
    walk, path = Walk(), set()

    def visit(state: Any, context: int) -> None:
        if _own(state) or state.stateNumber in path:
            walk.places.append((context, state, False))
            return
        path.add(state.stateNumber)
        if not state.epsilonOnlyTransitions:
            walk.places.append((context, state, True))
        for transition in state.transitions:
            if transition.serializationType == Transition.EPSILON:
                visit(transition.target, context)
            elif transition.serializationType == Transition.RULE:
                calls = walk.contexts[context - 1][2] if context else 0
                walk.contexts.append((context, transition.followState.stateNumber, calls + 1))
                visit(transition.target, len(walk.contexts))
        path.remove(state.stateNumber)

    visit(start, 0)
    return walk


def install() -> None:
    """Puts all this into this process's ANTLR. For a process that only verifies."""
    runtime.ATNConfigSet = Configurations
    SingletonPredictionContext.__eq__ = equal
