"""What may go wrong in one run: each kind of trouble is on or off and strong or weak by the seed (a swarm)."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Weather:
    """One run's size and troubles. Chances are per message, await or pulse; `_every_s` are mean times between."""

    devices: int = 2
    compartments: int = 4
    hours: int = 8
    parcels_per_hour: float = 2.0
    parcels_a_round: int = 1  # how many a courier brings in one visit
    sensors: bool = True
    tick_s: int = 5  # how soon the bridge's background work follows a commit
    # network
    loss: float = 0.0
    duplicate: float = 0.0
    delay_ms: tuple[int, int] = (20, 400)
    slow: float = 0.0  # share of messages that take up to 60 s
    reorder: bool = False
    cut_every_s: int = 0
    cut_s: tuple[int, int] = (30, 3_600)
    replayed: float = 0.0  # share of messages that somebody keeps and sends again, minutes to hours later
    # machines
    crash_every_s: int = 0
    crash_at_await: float = 0.0
    off_s: tuple[int, int] = (5, 120)
    broker_crash_every_s: int = 0
    bridge_crash_every_s: int = 0
    bridge_crash_at_await: float = 0.0
    slow_disk: float = 0.0
    full_every_s: int = 0
    full_s: tuple[int, int] = (20, 1_800)
    drift_ppm: int = 0
    keep_receipted_s: int = 86_400
    snapshot_every_events: int = 256
    # boards
    no_reply: float = 0.0
    refused: float = 0.0
    jam: float = 0.0
    late_reply: float = 0.0
    board_lost_every_s: int = 0
    crowbar_every_s: int = 0
    # people
    wrong_pin: float = 0.1
    mistyped: float = 0.1
    by_pin: float = 0.5
    changes_mind: float = 0.1
    leaves_open: float = 0.05
    pushes_in: float = 0.0
    support_every_s: int = 0
    visitors_every_s: int = 0  # senders, technicians, impostors


FAIR = Weather()


def weather_of(seed: int) -> Weather:
    """The swarm's draw for this seed."""
    dice = random.Random(f"weather/{seed}")
    drawn = Weather(
        devices=dice.choice((1, 1, 2)),
        compartments=dice.randint(2, 5),
        hours=dice.choice((1, 2, 3)),
        parcels_per_hour=dice.choice((1.0, 2.0, 4.0)),
        sensors=dice.random() < 0.7,
        keep_receipted_s=dice.choice((60, 3_600, 35 * 86_400)),
        snapshot_every_events=dice.choice((4, 16, 256)),
        drift_ppm=dice.choice((0, 0, -100, 100)),
        wrong_pin=dice.choice((0.0, 0.1, 0.4)),
        mistyped=dice.choice((0.0, 0.2)),
        by_pin=dice.choice((0.0, 0.5, 1.0)),
        changes_mind=dice.choice((0.0, 0.2)),
        leaves_open=dice.choice((0.0, 0.2)),
        pushes_in=dice.choice((0.0, 0.3)),
        delay_ms=dice.choice(((5, 50), (20, 400), (200, 5_000))),
    )
    troubles = {name: strengths for name, strengths in _TROUBLES.items() if dice.random() < 0.4}
    drawn = replace(drawn, **{name: dice.choice(strengths) for name, strengths in troubles.items()})
    drawn = replace(drawn, parcels_a_round=dice.choice((1, 1, 3)))
    return replace(drawn, visitors_every_s=dice.choice((0, 900, 2_700)))


_TROUBLES: dict[str, tuple[object, ...]] = {
    "loss": (0.02, 0.2),
    "duplicate": (0.05, 0.3),
    "slow": (0.02, 0.2),
    "reorder": (True,),
    "cut_every_s": (1_200, 3_600),
    "cut_s": ((30, 600), (600, 10_800)),
    "replayed": (0.02, 0.1),
    "crash_every_s": (600, 3_600),
    "crash_at_await": (0.01, 0.05),
    "broker_crash_every_s": (1_800, 7_200),
    "bridge_crash_every_s": (600, 3_600),
    "bridge_crash_at_await": (0.01, 0.05),
    "slow_disk": (0.1, 0.5),
    "full_every_s": (1_800, 7_200),
    "no_reply": (0.05, 0.3),
    "refused": (0.05, 0.2),
    "jam": (0.05, 0.2),
    "late_reply": (0.1, 0.5),
    "board_lost_every_s": (1_800, 7_200),
    "crowbar_every_s": (7_200,),
    "support_every_s": (120, 900),
}
