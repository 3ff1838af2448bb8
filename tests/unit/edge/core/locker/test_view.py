from __future__ import annotations

import json
from dataclasses import replace

from edge.core.locker.model import SessionChanged
from edge.core.locker.view import view
from edge.ports import DoorState
from tests.machine.playbook import Playbook
from tests.machine.visitors import book as visit_book
from tests.machine.visitors import courier_code, scan
from tests.unit.edge.core.locker.test_pin import book, enter, pin


def test_view_is_plain_json_with_every_door() -> None:
    play = Playbook(3).boot().door(2, DoorState.OPEN)
    shown = json.loads(json.dumps(view(play.state, play.now)))
    assert [(row["no"], row["door"]) for row in shown["compartments"]] == [(1, "closed"), (2, "open"), (3, "closed")]
    assert (shown["step"], shown["online"], shown["tries_left"]) == ("idle", False, 3)


def test_view_says_online_while_a_session_stands() -> None:
    play = Playbook().boot().when(SessionChanged(b"n" * 16))
    assert view(play.state, play.now)["online"]
    assert not view(play.when(SessionChanged(None)).state, play.now)["online"]


def test_view_counts_the_pause_down_and_shows_no_code() -> None:
    play = book()
    for number in range(3):
        enter(play, pin(number), None)
    shown = view(play.state, play.now)
    assert (shown["wait_s"], shown["pin_ready"]) == (30, False)
    assert view(play.state, replace(play.now, at_ms=play.now.at_ms + 29_001))["wait_s"] == 1
    assert not any(pin(number) in json.dumps(shown) for number in range(3))


def test_view_says_whom_it_speaks_to() -> None:
    play = scan(visit_book(), courier_code(1))
    assert view(play.state, play.now)["visit"] == "courier"
