"""From findings to the configuration's sections: polarity by the most, the others named; what was stated stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edge.core.wiring.findings import BoardFindings, Findings

Section = Mapping[str, Any]
PINS = "pins"  # the family of the computer's own pins


def board_section(findings: BoardFindings, stated: Section) -> Section:
    """`[[bus.board]]` of a serial board."""
    locks = [output for output in findings.learned if output.lock]
    felt = [output for output in locks if output.input_no]
    levels = [output.closed_level for output in felt]
    closed_bit = int(2 * levels.count(True) >= len(levels)) if levels else None
    remapped = any(output.input_no != output.number for output in locks)
    input_of = {output.number: output.input_no for output in locks}
    site, numbers = findings.site, range(1, findings.outputs + 1)
    found = {
        "module": findings.module,
        "family": site.family,
        "address": site.address,
        "channels": findings.outputs,
        "closed_bit": stated.get("closed_bit") if closed_bit is None else closed_bit,
        "groups": site.groups if site.family == "xor_8a" else None,
        "status_first": site.status_first or None,
        "door_inputs": [input_of.get(number, 0) for number in numbers] if remapped else None,
        "inverted": [output.number for output in felt if output.closed_level != bool(closed_bit)] or None,
        "unpopulated": [output.number for output in findings.learned if not output.lock] or None,
    }
    replaced = {"door_inputs", "inverted", "unpopulated"}
    return {**{key: value for key, value in stated.items() if key not in replaced}, **_present(found)}


def bus_sections(findings: Findings, stated: Sequence[Section]) -> list[Section]:
    """`[[bus]]` for each port. What is stated of boards that the walk could not learn stays as it is."""
    learned = {board.module: board for board in findings.boards if board.site.family != PINS}
    ports: dict[str, dict[str, Any]] = {bus["port"]: {**bus, "board": []} for bus in stated}
    for bus in stated:
        unknown = [board for board in bus["board"] if board["module"] not in learned]
        ports[bus["port"]]["board"] += unknown
    known = {board["module"]: board for bus in stated for board in bus["board"]}
    for module, board in learned.items():
        site = board.site
        port = ports.setdefault(site.port, {"port": site.port, "board": []})
        port |= _present({"echo": site.echo or None, "baud": site.baud})
        port["board"].append(board_section(board, known.get(module, {})))
    for port in ports.values():
        port["board"].sort(key=lambda board: str(board["module"]))
    return [port for port in ports.values() if port["board"]]


def pin_board_section(findings: BoardFindings, stated: Section) -> Section:
    """`[pin_board]`: the door inputs as the walk felt them, at the levels that they had."""
    doors = {channel["number"]: channel.get("door") for channel in stated["channel"]}
    learned = {output.number: output for output in findings.learned}
    channels = []
    for channel in stated["channel"]:
        output = learned.get(channel["number"])
        if output is None:
            channels.append(channel)
        elif output.lock:
            rest = {key: value for key, value in channel.items() if key != "door"}
            channels.append({**rest, **_present({"door": _turned(doors.get(output.input_no), output.closed_level)})})
    return {**stated, "channel": channels}


def _turned(door: Section | None, closed_level: bool | None) -> Section | None:
    """The input; its level while shut was by the polarity stated so far, so False means that that was wrong."""
    if door is None or closed_level is not False:
        return door
    return {**door, "active_high": not door.get("active_high", False)}


def compartment_sections(
    findings: Findings, sizes_mm: Mapping[int, tuple[int, int, int]], stated: Mapping[int, Section]
) -> list[Section]:
    """`[[compartment]]` by number; width, height, depth as the installer says them. Unlearned boards keep theirs."""
    modules = {board.module for board in findings.boards}
    found = [section for no, section in stated.items() if section["module"] not in modules and no not in findings.doors]
    for board in findings.boards:
        for output in board.learned:
            if output.lock and output.door_no is not None:
                width_mm, height_mm, depth_mm = sizes_mm[output.door_no]
                wired = {"no": output.door_no, "module": board.module, "channel": output.number}
                size = {"width_mm": width_mm, "height_mm": height_mm, "depth_mm": depth_mm}
                found.append({**stated.get(output.door_no, {}), **wired, **size})
    return sorted(found, key=lambda section: int(section["no"]))


def _present(members: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in members.items() if value is not None}
