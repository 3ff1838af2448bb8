"""The installer: what is told and asked, and a terminal that does it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TextIO


class Ask(StrEnum):
    """What a question is about; the answers that mean something stand behind each."""

    OUTPUTS = "outputs"  # a number
    PULSE = "pulse"  # yes, skip
    DOOR = "door"  # a number, none
    NOTHING_MOVED = "nothing_moved"  # a number, again, none
    SHUT = "shut"  # yes, skip
    SIZE = "size"  # three numbers
    WRITE = "write"  # yes, no


class Stopped(Exception):
    """The installer ends the walk here; what is known is kept."""


class Dialogue(Protocol):
    def tell(self, text: str) -> None: ...

    def ask(self, ask: Ask, module: str, number: int, text: str) -> str:
        """The answer, lower case, without blanks around it. Raises Stopped."""
        ...


@dataclass(frozen=True, slots=True)
class Terminal:
    """Text on a terminal: questions go to `out`, an answer is one line of `answers`; `stop` or its end stops."""

    out: TextIO
    answers: TextIO

    def tell(self, text: str) -> None:
        self.out.write(text + "\n")
        self.out.flush()

    def ask(self, ask: Ask, module: str, number: int, text: str) -> str:
        self.out.write(text + " ")
        self.out.flush()
        line = self.answers.readline()
        if not line or line.strip().lower() == "stop":
            raise Stopped
        return line.strip().lower()


def choose(dialogue: Dialogue, ask: Ask, at: tuple[str, int], text: str, choices: Sequence[str]) -> str:
    """One of `choices`, asked for until it is; an empty answer takes the first."""
    while True:
        answer = dialogue.ask(ask, *at, f"{text} [{'/'.join(choices)}/stop]") or choices[0]
        if answer in choices:
            return answer
        dialogue.tell(f"Please answer {', '.join(choices)} or stop.")


def number(
    dialogue: Dialogue,
    ask: Ask,
    at: tuple[str, int],
    text: str,
    allowed: Callable[[int], str | None],
    words: Sequence[str] = (),
) -> int | str:
    """A number that `allowed` finds nothing against, or one of `words`."""
    while True:
        answer = dialogue.ask(ask, *at, text)
        if answer in words:
            return answer
        if answer.isascii() and answer.isdigit() and len(answer) <= 6:
            problem = allowed(int(answer))
            if problem is None:
                return int(answer)
            dialogue.tell(problem)
        else:
            dialogue.tell(f"Please give a number{''.join(f', {word}' for word in words)} or stop.")
