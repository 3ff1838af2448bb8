"""One message's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Text:
    """`subject` and `body` for e-mail, `short` for SMS; `kind` and `facts` for programs."""

    subject: str
    body: str
    short: str
    kind: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
