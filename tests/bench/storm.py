"""`storm`: 2,000 devices lose one broker at the same moment and come back with 50 events each."""

from __future__ import annotations

import time
from typing import Any

from tests.storm.__main__ import storm
from tests.storm.rig import Terms

GOAL_S = 60.0
FIRST_RETRY_S = 10.0  # the window over which edge.link draws the first dial after a lost link


def run() -> dict[str, Any]:
    """One storm over mosquitto with client certificates, a real bridge on SQLite and the real sync driver."""
    began_s = time.perf_counter()
    terms = Terms()
    found = storm(terms, lambda text: None)
    evenly = terms.devices / FIRST_RETRY_S
    bounded = found["most_dials_in_a_second"] <= 2 * evenly
    value = found["drained_s"]
    whole = value is not None and not found["lost"] and not found["duplicates"]
    return {
        "name": "storm",
        "value": value,
        "unit": "s to drained",
        "limit": GOAL_S,
        "ratio": None if value is None else round(value / GOAL_S, 3),
        "goal": "0 lost, <= 60 s, dials per second at most twice the even spread over 10 s",
        "met": bool(whole and bounded and value <= GOAL_S),
        "seconds": round(time.perf_counter() - began_s, 1),
        **{key: found[key] for key in sorted(found.keys() - {"seed"})},
        "note": "one storm; devices, mosquitto and bridge share the machine's cores; devices have the real event log "
        "in memory and the real sync driver over a lean MQTT client in two processes; timed from the broker's SIGKILL",
    }
