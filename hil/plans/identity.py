"""Plans about what makes one card of many with the same bytes this one device, and about its lost clock."""

from __future__ import annotations

import json
from dataclasses import dataclass

from hil.device_program import checked
from hil.plan import Recorder, plan
from hil.protocols import DataDisk, Power, Shell
from hil.rig import Rig

FIRST_BOOT = "/usr/lib/parcelworks/first-boot"
TIME_FLOOR = "/usr/lib/parcelworks/time-floor"
KEYS = "/data/parcelworks/keys"
LONG_AGO = "2001-01-01"
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Identity:
    """What a card made for itself: nothing of it may be in the image."""

    machine_id: str
    public_keys: frozenset[str]


@plan(Power, Shell, DataDisk, summary="Two cards of one image make different identities, and keep them.")
async def two_cards(rig: Rig, record: Recorder) -> None:
    found: list[Identity] = []
    for _ in range(2):
        rig.get(DataDisk).renew()
        await rig.get(Power).on()
        found.append(await _identity(rig))
        await rig.get(Power).cut()
    await rig.get(Power).on()
    again = await _identity(rig)
    first, second = found
    record.measure("machine_ids_shared", int(first.machine_id == second.machine_id), "ids", high=0)
    record.measure("keys_of_a_card", len(second.public_keys), "keys", low=2)
    record.measure("keys_shared", len(first.public_keys & second.public_keys), "keys", high=0)
    record.require("identity_kept_over_a_plug_pull", again == second)


async def _identity(rig: Rig) -> Identity:
    """Play the first boot; the keys are made by the agent's own command."""
    shell = rig.get(Shell)
    await checked(shell, FIRST_BOOT)
    machine_id = await checked(shell, "cat /data/machine-id")
    words = f"python3 -m edge enrol-request --keys-dir {KEYS} --device-id locker-rig-1 --fleet rig"
    asked = json.loads(await checked(shell, f"{words} 2>/dev/null", 120))
    return Identity(machine_id, frozenset(_public_keys(asked)))


def _public_keys(asked: dict[str, object]) -> list[str]:
    return [str(value) for name, value in asked.items() if name.endswith("public") or name == "csr_pem"]


@plan(Power, Shell, DataDisk, summary="A board without a clock never goes back behind the last time that it kept.")
async def clock_lost(rig: Rig, record: Recorder) -> None:
    power, shell = rig.get(Power), rig.get(Shell)
    rig.get(DataDisk).renew()
    await power.on()
    await checked(shell, f"{TIME_FLOOR} keep")
    kept_s = int(await checked(shell, "cat /data/time-floor"))
    await power.cut()
    await power.on()
    await checked(shell, f"date -s {LONG_AGO}")
    await checked(shell, f"{TIME_FLOOR} restore")
    record.measure("seconds_behind_what_was_kept", max(0, kept_s - await _now_s(shell)), "s", high=0)
    # Time that is right is left alone, and keeping it never takes the floor back.
    await checked(shell, f"date -s @{kept_s + DAY_S}; {TIME_FLOOR} restore")
    record.require("later_time_left_alone", await _now_s(shell) >= kept_s + DAY_S)
    await checked(shell, f"date -s {LONG_AGO}; {TIME_FLOOR} keep")
    record.require("floor_not_taken_back", int(await checked(shell, "cat /data/time-floor")) == kept_s)


async def _now_s(shell: Shell) -> int:
    return int(await checked(shell, "date +%s"))
