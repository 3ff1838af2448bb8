"""What was decided and on what: each kind of question holds all that its answer depends on, so it can be asked again.

Pure. A stored decision is a question and the answer of its day; asked again, today's code must give the same answer.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from cloud_bridge.errors import InvalidData
from cloud_bridge.lockers.assignment import Assignment, Policy, assign
from cloud_bridge.lockers.locker_choice import Candidate, Choice, ChoicePolicy, choose_locker
from cloud_bridge.lockers.model import CompartmentView, Wish
from cloud_bridge.lockers.promise import Outlook, Promise, PromisePolicy, Request, promise
from cloud_bridge.lockers.survival import Survival

MAX_TEXT_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class CompartmentQuestion:
    """Which compartment of one locker?"""

    wish: Wish
    policy: Policy
    views: tuple[CompartmentView, ...]

    def answer(self) -> Assignment:
        return assign(self.views, self.wish, self.policy)


@dataclass(frozen=True, slots=True)
class LockerQuestion:
    """Which locker of these?"""

    wish: Wish
    policy: ChoicePolicy
    candidates: tuple[Candidate, ...]

    def answer(self) -> Choice:
        return choose_locker(self.candidates, self.policy)


@dataclass(frozen=True, slots=True)
class PromiseQuestion:
    """May a locker be promised for a later drop?"""

    request: Request
    policy: PromisePolicy
    outlooks: tuple[Outlook, ...]
    survivals: Mapping[str, Survival]

    def answer(self) -> Promise:
        return promise(self.request, self.outlooks, self.survivals.__getitem__, self.policy)


Question = CompartmentQuestion | LockerQuestion | PromiseQuestion
Answer = Assignment | Choice | Promise
KINDS: Mapping[str, tuple[type[Question], type[Answer]]] = {
    "compartment": (CompartmentQuestion, Assignment),
    "locker": (LockerQuestion, Choice),
    "promise": (PromiseQuestion, Promise),
}


@dataclass(frozen=True, slots=True)
class Replayed:
    """A stored decision beside what today's code answers to its question."""

    question: Question
    stored: Answer
    found: Answer

    @property
    def agrees(self) -> bool:
        return self.stored == self.found


def kind_of(question: Question) -> str:
    return next(name for name, (kind, _) in KINDS.items() if isinstance(question, kind))


def pack(value: Question | Answer) -> bytes:
    """A question or an answer as stored bytes: compressed JSON."""
    return zlib.compress(_adapter(type(value)).dump_json(value))


def replay(kind: str, question: bytes, answer: bytes) -> Replayed:
    """Ask a stored question again.

    Raises:
        InvalidData: the kind is unknown, or the bytes are not what `pack` made of it.
    """
    if kind not in KINDS:
        raise InvalidData(f"no kind of decision {kind!r:.40}", where="kind", remedy="Update the bridge.")
    question_type, answer_type = KINDS[kind]
    asked, stored = _unpack(question_type, question), _unpack(answer_type, answer)
    return Replayed(asked, stored, asked.answer())


def readable(value: Question | Answer) -> Any:
    """The same as plain members, for people and programs."""
    return _adapter(type(value)).dump_python(value, mode="json")


def _unpack(kind: type[Any], stored: bytes) -> Any:
    try:
        unpacking = zlib.decompressobj()
        text = unpacking.decompress(stored, MAX_TEXT_BYTES)
        if not unpacking.eof:
            raise InvalidData("cut short or too long", where="decision", remedy="Restore the row from a backup.")
        return _adapter(kind).validate_json(text, strict=True)
    except (zlib.error, ValidationError) as error:
        raise InvalidData(f"not a stored {kind.__name__}", where="decision",
                          remedy="Restore the row from a backup.") from error  # fmt: skip


@cache
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
