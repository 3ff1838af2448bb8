"""Runs the demo: headless for a machine, with a page for a person."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from hil.demo.folder import Folder
from hil.demo.story import Story
from hil.demo.world import DemoWorld, Tell


def teller() -> Tell:
    """Prints a line with the seconds since the start."""
    start_s = time.monotonic()

    def tell(text: str) -> None:
        sys.stderr.write(f"{time.monotonic() - start_s:6.1f} s  {text}\n")
        sys.stderr.flush()

    return tell


async def play_once(folder: Path) -> None:
    """Start everything, play the story, stop everything."""
    tell = teller()
    world = DemoWorld(Folder(folder.resolve()), tell)
    try:
        await world.start()
        tell("ready")
        await Story(world, tell).play()
        tell("the story holds")
    finally:
        await world.stop()


async def serve(folder: Path) -> None:
    """Start everything and serve the panel until Ctrl-C."""
    from hil.demo.panel import Panel

    tell = teller()
    world = DemoWorld(Folder(folder.resolve()), tell)
    try:
        await world.start()
        await Panel(world, tell).run()
    finally:
        await world.stop()
