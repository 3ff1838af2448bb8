"""A code typed on the hardware keypad while no page is there to take the keys."""

from __future__ import annotations

from collections.abc import Callable

MAX_DIGITS = 12
FORGET_AFTER_MS = 30_000


class KeypadEntry:
    """Keeps the digits of one code: `#` enters it, `*` or half a minute's pause forgets it, as does one too many."""

    def __init__(self, enter: Callable[[str], None], mono_ms: Callable[[], int]) -> None:
        self._enter = enter
        self._mono_ms = mono_ms
        self._digits = ""
        self._typed_mono_ms = 0

    def take(self, key: str) -> None:
        now_ms = self._mono_ms()
        if now_ms - self._typed_mono_ms > FORGET_AFTER_MS:
            self._digits = ""
        self._typed_mono_ms = now_ms
        digits, self._digits = self._digits, ""
        if key.isdigit() and len(digits) < MAX_DIGITS:
            self._digits = digits + key
        elif key == "#" and digits:
            self._enter(digits)
