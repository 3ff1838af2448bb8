"""Every screen of the page, each once: a name, and the view that brings it up."""

from __future__ import annotations

from typing import Any

from tests.integration.screen.view_player import cabinet

OPEN = {"compartments": cabinet(doors={12: {"door": "open"}}), "compartment_no": 12}
HERE = {"compartment_no": 12}
SIZES = [
    {"code": "s", "free": 4, "width_mm": 440, "height_mm": 98, "depth_mm": 590},
    {"code": "m", "free": 2, "width_mm": 440, "height_mm": 178, "depth_mm": 590},
    {"code": "l", "free": 1, "width_mm": 440, "height_mm": 378, "depth_mm": 590},
]
STATES = {no: {"state": "held" if no % 3 == 0 else "free"} for no in range(1, 25)} | {5: {"state": "disabled"}}
TECHNICIAN = {"visit": "technician", "purpose": "maintain", "compartments": cabinet(doors=STATES)}
COURIER = {"visit": "courier", "purpose": "deposit"}
AT_DOOR = ["did_not_open", "too_big", "dirty"]

SCENES: dict[str, dict[str, Any]] = {
    "idle": {"step": "idle"},
    "offline": {"step": "idle", "online": False},
    "closed": {"step": "closed", "message": "storage_full"},
    "checking": {"step": "checking", "message": "checking"},
    "label": {"step": "label", **COURIER, "message": "deposited", "actions": ["done", "cancel", "reopen"],
              "reopen_no": 7, "reopen_left_s": 118, "idle_left_s": 58},
    "swap": {"step": "door_open", **COURIER, **OPEN, "message": "close_then_next", "actions": ["did_not_open"]},
    "waiting-for-cap": {"step": "opening", "visit": "technician", "purpose": "maintain", "message": "waiting_for_cap",
                        "actions": ["cancel"]},
    "size": {"step": "size", "visit": "sender", "purpose": "deposit", "sizes": SIZES,
             "message": "choose_size", "actions": ["size", "accessible", "cancel"]},
    "opening": {"step": "opening", **COURIER, **HERE, "message": "opening"},
    "deposit": {"step": "door_open", **COURIER, **OPEN, "message": "door_open", "actions": AT_DOOR},
    "drop-off": {"step": "door_open", "visit": "sender", "purpose": "deposit", **OPEN, "message": "door_open",
                 "actions": AT_DOOR},
    "collect": {"step": "door_open", "visit": "recipient", "purpose": "collect", **OPEN, "message": "door_open",
                "more_doors": 1, "actions": ["did_not_open", "empty", "damaged"]},
    "blind-door": {"step": "door_open", "visit": "recipient", "purpose": "collect", **HERE,
                   "message": "confirm_when_closed", "actions": ["done", "did_not_open", "empty", "damaged"]},
    "retrieve-door": {"step": "door_open", "visit": "courier", "purpose": "retrieve", **OPEN, "message": "door_open",
                      "actions": ["did_not_open", "empty"]},
    "reopened": {"step": "door_open", "visit": "courier", "purpose": "reopen", **OPEN, "message": "door_open",
                 "actions": ["did_not_open"]},
    "confirm": {"step": "confirm", "visit": "courier", "purpose": "reopen", **HERE, "actions": ["left_in", "took_out"]},
    "retry": {"step": "retry", "visit": "recipient", "purpose": "collect", **HERE, "message": "door_did_not_open",
              "tries_left": 2, "actions": ["try_again", "cancel"]},
    "warning": {"step": "retry", "visit": "recipient", "purpose": "collect", **HERE, "message": "door_did_not_open",
                "tries_left": 2, "actions": ["try_again", "cancel"], "idle_left_s": 29},
    "menu": {"step": "menu", **TECHNICIAN,
             "actions": ["open", "out_of_service", "in_service", "open_all", "reconcile", "done", "cancel"]},
    "second": {"step": "second", **TECHNICIAN, "actions": ["cancel"]},
    "reconcile-door": {"step": "door_open", "visit": "technician", "purpose": "reconcile", **OPEN,
                       "message": "door_open", "actions": ["did_not_open"]},
    "maintain-door": {"step": "door_open", "visit": "technician", "purpose": "maintain", **OPEN,
                      "message": "door_open", "actions": ["did_not_open"]},
    "check": {"step": "check", "visit": "technician", "purpose": "reconcile", **HERE, "expected": 2,
              "actions": ["found", "cancel"]},
    "check-empty": {"step": "check", "visit": "technician", "purpose": "reconcile", **HERE, "expected": 0,
                    "actions": ["found", "cancel"]},
    "done": {"step": "done", "message": "thank_you", "actions": ["cancel"]},
    "refused": {"step": "refused", "message": "pin_blocked", "wait_s": 45, "actions": ["cancel"]},
    "unheard": {"step": "refused", "message": "a_code_of_tomorrow", "actions": ["cancel", "an_action_of_tomorrow"]},
}  # fmt: skip
