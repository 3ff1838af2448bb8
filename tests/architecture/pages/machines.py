"""docs/reference/state-machines.md: the kiosk's session and the cloud link, drawn from their tables."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping, Sequence
from functools import cache
from types import ModuleType

from edge.core.locker.reporting import EVENTS
from edge.core.locker.steps import SESSION_MOVES, Step
from edge.core.release.machine import MOVES
from edge.core.release.machine import Phase as ReleasePhase
from edge.core.sync import answers, flow, machine
from edge.core.sync.machine import TRANSITIONS
from edge.core.sync.model import Phase, Timer
from tests.architecture.pages.markdown import code, first_sentence, head, table

_SOURCES: tuple[ModuleType, ...] = (machine, flow, answers)


def machines() -> str:
    lead = (
        "Any move that a table does not hold raises; the pictures are drawn from the tables. How to read them: "
        "[ARCHITECTURE.md](../ARCHITECTURE.md#the-three-shapes)."
    )
    return head("State machines", lead) + _session() + _sync() + _release()


def _session() -> str:
    moves = [(step, following) for step, all_ in SESSION_MOVES.items() for following in Step if following in all_]
    drawn = "\n".join(f"    {a.value} --> {b.value}" for a, b in moves if a is not b)
    stays = ", ".join(code(step.value) for step in Step if step in SESSION_MOVES[step])
    return (
        "\n## The kiosk's session\n\n`SESSION_MOVES` in `edge/core/locker/steps.py`. Every step may end in "
        "`closed` (no "
        "(no durable event possible, no trust, a new log) and in `idle`. "
        f"These may also be entered again from themselves: {stays}.\n\n"
        f"```mermaid\nstateDiagram-v2\n    [*] --> closed\n{drawn}\n```\n"
    )


def _sync() -> str:
    rows = []
    arrows: dict[tuple[Phase, Phase], list[str]] = {}
    for (phase, given), handler in TRANSITIONS.items():
        targets = [target for target in Phase if target in leads_to(handler.__name__, phase)]
        for target in targets:
            if target is not phase:
                arrows.setdefault((phase, target), []).append(_given(given))
        what = first_sentence(inspect.getdoc(handler)) or handler.__name__.lstrip("_").replace("_", " ")
        rows.append((code(phase.value), _given(given), what, ", ".join(code(target.value) for target in targets)))
    drawn = "\n".join(f"    {a.value} --> {b.value}: {', '.join(names)}" for (a, b), names in arrows.items())
    return (
        "\n## The cloud link\n\n`TRANSITIONS` in `edge/core/sync/machine.py`: phase and input to rule. Only a "
        "receipt moves "
        "the cursor of what the cloud has.\n\n"
        f"```mermaid\nstateDiagram-v2\n    [*] --> offline\n{drawn}\n```\n\n"
        + table(("phase", "input", "what happens", "may lead to"), sorted(rows))
    )


def _release() -> str:
    drawn = "\n".join(f"    {a.value} --> {b.value}" for a, all_ in MOVES.items() for b in ReleasePhase if b in all_)
    rows = [(code(phase.value), code(EVENTS[phase]) if phase in EVENTS else "") for phase in ReleasePhase]
    return (
        "\n## An update\n\n`MOVES` in `edge/core/release/machine.py`: what the updater's durable record may say after "
        "what. `trying` is written before the first moment at which the other slot could run.\n\n"
        f"```mermaid\nstateDiagram-v2\n    [*] --> idle\n{drawn}\n```\n\n" + table(("phase", "the log tells"), rows)
    )


def _given(given: object) -> str:
    return f"timer {given.value}" if isinstance(given, Timer) else getattr(given, "__name__", str(given))


@cache
def leads_to(function: str, phase: Phase) -> frozenset[Phase]:
    """The phases that a rule may set when it begins in `phase`: in its own body, or in a function that it calls.

    Branches that ask for the phase are decided; of all others, both sides count.
    """
    return _block(_functions()[function].body, phase, frozenset({function}))[0]


def _block(body: Sequence[ast.stmt], phase: Phase, seen: frozenset[str]) -> tuple[frozenset[Phase], bool]:
    """What a run of statements may set, and whether it surely returns."""
    found: frozenset[Phase] = frozenset()
    for statement in body:
        if isinstance(statement, ast.If):
            more, ended = _branch(statement, phase, seen)
        else:
            more, ended = _calls(statement, phase, seen), isinstance(statement, ast.Return | ast.Raise)
        found |= more
        if ended:
            return found, True
    return found, False


def _branch(statement: ast.If, phase: Phase, seen: frozenset[str]) -> tuple[frozenset[Phase], bool]:
    verdict = decide(statement.test, phase)
    if verdict is not None:
        return _block(statement.body if verdict else statement.orelse, phase, seen)
    one, one_ends = _block(statement.body, phase, seen)
    other, other_ends = _block(statement.orelse, phase, seen)
    return one | other | _calls(statement.test, phase, seen), one_ends and other_ends


def _calls(node: ast.AST, phase: Phase, seen: frozenset[str]) -> frozenset[Phase]:
    found: frozenset[Phase] = frozenset()
    for call in (inner for inner in ast.walk(node) if isinstance(inner, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name == "replace":
            found |= {
                Phase[w.value.attr] for w in call.keywords if w.arg == "phase" and isinstance(w.value, ast.Attribute)
            }
        elif name in _functions() and name not in seen:
            found |= _block(_functions()[name].body, phase, seen | {name})[0]
    return found


def decide(test: ast.expr, phase: Phase) -> bool | None:
    """A condition's value where the phase alone settles it, else None."""
    if isinstance(test, ast.BoolOp):
        parts = [decide(part, phase) for part in test.values]
        strong = isinstance(test.op, ast.Or)
        return strong if strong in parts else (not strong) if (None not in parts) else None
    if not isinstance(test, ast.Compare) or ast.unparse(test.left) != "state.phase":
        return None
    named = {Phase[node.attr] for node in ast.walk(test.comparators[0])
             if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "Phase"}  # fmt: skip
    return (phase in named) is isinstance(test.ops[0], ast.Is | ast.In | ast.Eq)


@cache
def _functions() -> Mapping[str, ast.FunctionDef]:
    return {
        node.name: node
        for source in _SOURCES
        for node in ast.parse(inspect.getsource(source)).body
        if isinstance(node, ast.FunctionDef)
    }
