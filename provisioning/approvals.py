"""PURE. The approval list: which devices may enrol by a claim, and what an operator has allowed one of them once."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.wire.errors import WireError
from provisioning.errors import Conflict, Denied, ProvisioningError, Refused, StorageFailed
from provisioning.profiles import Kind, device_id_of

PLACE = "approvals.json"
MAX_DEVICES = 10_000
MAX_NOTE = 60
_COLUMNS = ("serial", "kind", "note")
Note = Annotated[str, Field(max_length=MAX_NOTE)]


class Allowance(StrEnum):
    """Used up by the one time that it is needed."""

    RENEWAL = "renewal"  # the certificate has expired, the keys are the recorded ones
    REPLACEMENT = "replacement"  # a new card with new keys under the old id


@dataclass(frozen=True, slots=True)
class Problem:
    """A row of the file that was left out. `line` counts from 1, the header included."""

    line: int
    what: str
    remedy: str


class Approvals(BaseModel):
    """`devices`: id to note. `once`: id to what is allowed one time."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    format: Literal[1] = 1
    devices: dict[str, Note] = {}
    once: dict[str, Allowance] = {}

    def check(self, device_id: str) -> None:
        """
        Raises:
            Denied: it does not stand on the list.
        """
        if device_id not in self.devices:
            remedy = "Add its serial number: pw-provision approvals import FILE.csv."
            raise Denied("it is not on the approval list", where=device_id, remedy=remedy)

    def with_devices(self, devices: Mapping[str, str]) -> Self:
        """
        Raises:
            Conflict: more than 10,000 would stand there.
        """
        merged = {**self.devices, **devices}
        if len(merged) > MAX_DEVICES:
            what = f"{len(merged)} devices, at most {MAX_DEVICES}"
            raise Conflict(what, where="approvals", remedy="Remove those that are enrolled: approvals remove.")
        return self.model_copy(update={"devices": dict(sorted(merged.items()))})

    def without(self, device_ids: Iterable[str]) -> Self:
        gone = set(device_ids)
        kept = {name: note for name, note in self.devices.items() if name not in gone}
        once = {name: what for name, what in self.once.items() if name not in gone}
        return self.model_copy(update={"devices": kept, "once": once})

    def allowing(self, device_id: str, what: Allowance) -> Self:
        return self.model_copy(update={"once": {**self.once, device_id: what}})

    def spent(self, device_id: str, what: Allowance) -> Self:
        """The list after that allowance was used.

        Raises:
            Denied: nobody has allowed it.
        """
        if self.once.get(device_id) is not what:
            remedy = f"If it is the device, allow it: pw-provision approvals allow {device_id} --for {what}."
            raise Denied(f"nobody has allowed its {what}", where=device_id, remedy=remedy)
        return self.model_copy(update={"once": {name: v for name, v in self.once.items() if name != device_id}})

    def encode(self) -> bytes:
        return self.model_dump_json(indent=0).encode() + b"\n"

    @classmethod
    def parse(cls, data: bytes | None) -> Self:
        if data is None:
            return cls()
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            raise StorageFailed("damaged", where=PLACE, remedy="Restore the file from a backup.") from error


def read_csv(data: bytes, default_kind: Kind) -> tuple[dict[str, str], list[Problem]]:
    """The devices of a file with the columns serial, kind and note (the last two may be missing), and its bad rows.

    Raises:
        Refused: no text in UTF-8, or no header with a column `serial`.
    """
    try:
        reader = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        header = [name.strip().lower() for name in next(reader, [])]
    except (UnicodeDecodeError, csv.Error) as error:
        raise Refused(f"not a CSV file in UTF-8: {error}"[:200], where="approvals", remedy="Save it as CSV.") from error
    if "serial" not in header or not set(header) <= set(_COLUMNS) or len(set(header)) != len(header):
        remedy = "Begin the file with the line serial,kind,note."
        raise Refused(f"its columns are {', '.join(header)!r:.100}", where="approvals line 1", remedy=remedy)
    devices: dict[str, str] = {}
    problems: list[Problem] = []
    while (row := _next_row(reader, problems)) is not None:
        if not any(cell.strip() for cell in row):
            continue
        try:
            device_id, note = _device(header, row, default_kind)
            if device_id in devices:
                raise Refused("it stands in the file twice", where=device_id, remedy="Remove one of the two.")
            devices[device_id] = note
        except (ProvisioningError, WireError) as error:
            problems.append(Problem(reader.line_num, str(error), error.remedy))
    return devices, problems


def _next_row(reader: Iterable[list[str]], problems: list[Problem]) -> list[str] | None:
    """The next row that is one; None at the end of the file."""
    rows = iter(reader)
    while True:
        try:
            return next(rows, None)
        except csv.Error as error:
            line = getattr(reader, "line_num", 0)
            problems.append(Problem(line, f"not a row of CSV: {error}"[:200], "Mend its quotes."))


def _device(header: list[str], row: list[str], default_kind: Kind) -> tuple[str, str]:
    if len(row) > len(header):
        raise Refused(f"{len(row)} cells under {len(header)} columns", where="row", remedy="Remove what is too much.")
    cells = dict(zip(header, (cell.strip() for cell in row), strict=False))
    note = cells.get("note", "")
    if len(note) > MAX_NOTE or not note.isprintable():
        remedy = f"Write at most {MAX_NOTE} printable characters."
        raise Refused("its note is too long or holds control characters", where="note", remedy=remedy)
    return device_id_of(_kind(cells.get("kind", ""), default_kind), cells.get("serial", "")), note


def _kind(text: str, default: Kind) -> Kind:
    if not text:
        return default
    try:
        return Kind(text.lower())
    except ValueError as error:
        raise Refused(f"unknown kind {text!r:.40}", where="kind", remedy=f"Use {', '.join(Kind)}.") from error
