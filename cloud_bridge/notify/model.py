"""Messages to people: what was to be told, through which channel it goes now, and when to try again."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

RETRY_MS = (5_000, 30_000, 120_000, 600_000, 1_800_000, 3_600_000, 3_600_000, 7_200_000)


class State(StrEnum):
    """`SENT`: a server took it. `BOUNCED`: every channel refused for good. `FAILED`: every try was used up."""

    WAITING = "waiting"
    SENT = "sent"
    BOUNCED = "bounced"
    FAILED = "failed"
    ERASED = "erased"


class Channel(StrEnum):
    EMAIL = "email"
    SMS = "sms"
    WEBHOOK = "webhook"


class Outcome(StrEnum):
    """One try's result: taken, refused for good by this channel, or worth another try."""

    TAKEN = "taken"
    REFUSED = "refused"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Hook:
    """Where a tenant's system is told, and the secret that signs it."""

    url: str
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Contact:
    """Where a person can be reached; empty: not there. The order of `channels` is the order of fallback.

    `webhook`: it is no person but a tenant's system.
    """

    name: str
    email: str
    phone: str
    language: str
    webhook: Hook | None = None

    @property
    def channels(self) -> tuple[Channel, ...]:
        if self.webhook is not None:
            return (Channel.WEBHOOK,)
        found = [(Channel.EMAIL, self.email), (Channel.SMS, self.phone)]
        return tuple(channel for channel, address in found if address)

    def address(self, channel: Channel) -> str:
        return {Channel.EMAIL: self.email, Channel.SMS: self.phone}.get(channel, "")


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a message stands: `place` in its channels, tries on this channel so far."""

    state: State
    place: int
    tries: int
    next_at_ms: int


def after_try(progress: Progress, outcome: Outcome, channel_count: int, now_ms: int) -> Progress:
    """The rule: taken is the end; a refusal goes to the next channel at once; else wait longer each time.

    A channel whose tries are used up is left for the next one as well, so a dead SMTP server does not silence us.
    """
    if outcome is Outcome.TAKEN:
        return Progress(State.SENT, progress.place, progress.tries + 1, 0)
    used_up = outcome is Outcome.LATER and progress.tries + 1 >= len(RETRY_MS)
    if outcome is Outcome.REFUSED or used_up:
        if progress.place + 1 < channel_count:
            return Progress(State.WAITING, progress.place + 1, 0, now_ms)
        last = State.BOUNCED if outcome is Outcome.REFUSED else State.FAILED
        return Progress(last, progress.place, progress.tries + 1, 0)
    return Progress(State.WAITING, progress.place, progress.tries + 1, now_ms + RETRY_MS[progress.tries])
