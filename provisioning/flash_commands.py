"""`pw-provision flash`: an image onto a card."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from provisioning.flashing import check_target, flash, image_length
from provisioning.options import DryRun, Json, Voice
from provisioning.output import Output, Progress, speaking

TELL_EVERY_S = 1.0


def flash_image(
    image: Annotated[Path, typer.Argument(help="The card image.")],
    target: Annotated[Path, typer.Argument(help="The card's disk (see lsblk), or a file.")],
    as_json: Json = False, dry_run: DryRun = False, progress: Voice = Progress.AUTO,
) -> None:  # fmt: skip
    """Write an image to a card and read it back. Refuses disks that are mounted, in use, built in or too small."""
    with speaking(as_json, progress, dry_run) as out:
        length = image_length(image)
        if dry_run:
            check_target(image, target)
            out.result({"target": str(target), "length_bytes": length}, f"{target} may be written")
            return
        teller = _Teller(out, length)
        done = flash(image, target, teller.moved)
        facts = {"target": str(target), "length_bytes": done.length_bytes, "sha256": done.sha256, "verified": True}
        out.result(facts, f"{target}: {done.length_bytes / 1e6:.1f} MB written and verified, SHA-256 {done.sha256}")


class _Teller:
    """Says how far it is, at most once a second: megabytes, megabytes a second, seconds that remain."""

    def __init__(self, out: Output, length: int) -> None:
        self._out = out
        self._length = length
        self._phase = ""
        self._done = 0
        self._began_s = self._told_s = 0.0

    def moved(self, phase: str, count: int) -> None:
        now_s = time.monotonic()
        if phase != self._phase:
            self._phase, self._done, self._began_s, self._told_s = phase, 0, now_s, now_s
        self._done += count
        if now_s - self._told_s < TELL_EVERY_S and self._done < self._length:
            return
        self._told_s = now_s
        rate = self._done / max(now_s - self._began_s, 0.001)
        left_s = (self._length - self._done) / rate
        done_mb, all_mb = self._done / 1e6, self._length / 1e6
        self._out.step(f"{phase}: {done_mb:.1f} of {all_mb:.1f} MB, {rate / 1e6:.1f} MB/s, {left_s:.0f} s left")
