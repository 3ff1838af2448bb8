"""Manifests: the carrier's list of parcels as CSV or JSON. A bad row is reported, and the rest goes on.

The format stands in docs/reference/manifest.md. Nothing here trusts the file: encoding, size, quoting and every value
are checked, and each finding names line, column and remedy.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cloud_bridge.lockers.gs1 import sscc_holds, sscc_of
from cloud_bridge.lockers.model import Announcement, Money, Recipient, Size, Wish

MAX_MANIFEST_BYTES = 4 * 1024 * 1024
MAX_ROWS = 20_000
MAX_CELL_CHARS = 300
REQUIRED = ("tracking_number", "width_mm", "height_mm", "depth_mm", "weight_g", "recipient_name")
OPTIONAL = (
    "carrier", "recipient_email", "recipient_phone", "recipient_language", "features", "upright", "accessible",
    "locker_id", "cod_minor", "cod_currency",
)  # fmt: skip
COLUMNS = (*REQUIRED, *OPTIONAL)
_TRACKING = re.compile(r"[A-Z0-9][A-Z0-9-]{3,39}\Z")
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+\Z")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}\Z")
_LANGUAGE = re.compile(r"[a-z]{2}\Z")
_FEATURE = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
_LOCKER = re.compile(r"[a-z0-9-]{3,40}\Z")
_CARRIER = re.compile(r"[A-Za-z0-9 .&-]{0,40}\Z")
_CURRENCY = re.compile(r"[A-Z]{3}\Z")
_WHOLE = re.compile(r"[0-9]{1,10}\Z")
_FLAGS = {"": False, "0": False, "no": False, "false": False, "1": True, "yes": True, "true": True}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a row. `line`: of the file, from 1 (JSON: the parcel's place, from 1); 0: the whole file."""

    line: int
    column: str
    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Row:
    """A good row."""

    line: int
    announcement: Announcement


@dataclass(frozen=True, slots=True)
class Manifest:
    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]


class _Bad(Exception):
    def __init__(self, column: str, what: str, remedy: str) -> None:
        self.finding = (column, what, remedy)
        super().__init__(what)


def read_manifest(data: bytes, *, as_json: bool = False) -> Manifest:
    """Every good row and every finding; a tracking number that stands twice is good once."""
    try:
        text = _decode(data)
        found = list(_json_rows(text) if as_json else _csv_rows(text))
    except _Bad as bad:
        return Manifest((), (Finding(0, *bad.finding),))
    rows: dict[str, Row] = {}
    findings: list[Finding] = []
    for line, cells in found:
        try:
            row = Row(line, _announcement(cells))
            if (first := rows.get(row.announcement.parcel_id)) is not None:
                raise _Bad("tracking_number", f"stands in line {first.line} already", "Delete one of the two rows.")
            rows[row.announcement.parcel_id] = row
        except _Bad as bad:
            findings.append(Finding(line, *bad.finding))
    return Manifest(tuple(rows.values()), tuple(findings))


def _decode(data: bytes) -> str:
    if len(data) > MAX_MANIFEST_BYTES:
        raise _Bad("", f"more than {MAX_MANIFEST_BYTES} bytes", "Split the file.")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _decode_as(data, "utf-16")
    return _decode_as(data, "utf-8-sig")


def _decode_as(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _Bad("", f"not UTF-8 (byte {error.start}, line {line})", "Save the file as UTF-8.") from error


def _csv_rows(text: str) -> Iterator[tuple[int, Mapping[str, str] | _Bad]]:
    if "\0" in text:
        raise _Bad("", "a NUL character", "Export the file again as CSV.")
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    start = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            yield start, _Bad("", f"broken quoting: {error}", 'Write a quote inside a cell twice: "".')
            return
        if any(cell.strip() for cell in cells):
            if header is None:
                header = _header(cells)
            else:
                yield start, _cells(header, cells)
        if start > MAX_ROWS + 1_000:
            raise _Bad("", f"more than {MAX_ROWS} rows", "Split the file.")
        start = reader.line_num + 1
    if header is None:
        raise _Bad("", "the file is empty", f"Begin with the line {','.join(REQUIRED)},…")


def _header(cells: list[str]) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    missing = [name for name in REQUIRED if name not in names]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if missing:
        raise _Bad(missing[0], f"the header lacks {', '.join(missing)}", f"Name the columns {', '.join(COLUMNS)}.")
    if twice:
        raise _Bad(twice[0], "stands twice in the header", "Name each column once.")
    return names


def _cells(header: list[str], cells: list[str]) -> Mapping[str, str] | _Bad:
    if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
        return _Bad(
            "", f"{len(cells)} cells under {len(header)} columns", "Put cells that hold the separator in quotes."
        )
    return dict(zip(header, (cell.strip() for cell in cells), strict=False))


def _json_rows(text: str) -> Iterator[tuple[int, Mapping[str, str] | _Bad]]:
    try:
        value = json.loads(text, parse_float=_no_float, parse_constant=_no_float)
    except (ValueError, RecursionError) as error:
        raise _Bad("", f"not JSON: {error}"[:200], 'Send {"parcels": [{…}, …]}.') from error
    items = value.get("parcels") if isinstance(value, dict) else None
    if not isinstance(items, list):
        raise _Bad("parcels", "no list of parcels", 'Send {"parcels": [{…}, …]}.')
    if len(items) > MAX_ROWS:
        raise _Bad("parcels", f"more than {MAX_ROWS}", "Split the file.")
    for place, item in enumerate(items, 1):
        yield place, _json_cells(item)


def _no_float(text: str) -> Any:
    raise ValueError(f"{text} is not a whole number")


def _json_cells(item: Any) -> Mapping[str, str] | _Bad:
    if not isinstance(item, dict):
        return _Bad("", "a parcel is an object", "Give it members like tracking_number.")
    cells: dict[str, str] = {}
    for name, value in item.items():
        if isinstance(value, bool):
            cells[name] = "true" if value else "false"
        elif isinstance(value, list) and all(isinstance(part, str) for part in value):
            cells[name] = " ".join(value)
        elif isinstance(value, (str, int)):
            cells[name] = str(value).strip() if isinstance(value, str) or abs(value) < 10**30 else "too many digits"
        elif value is not None:
            return _Bad(str(name)[:40], "neither a text nor a whole number", "Use a text or a whole number.")
    unknown = sorted(set(cells) - set(COLUMNS))
    if unknown:
        return _Bad(unknown[0][:40], "is no member of a parcel", f"Use {', '.join(COLUMNS)}.")
    return cells


def _announcement(cells: Mapping[str, str] | _Bad) -> Announcement:
    if isinstance(cells, _Bad):
        raise cells
    for name, value in cells.items():
        if len(value) > MAX_CELL_CHARS or not (value.isprintable() or value == ""):
            raise _Bad(
                name[:40], "too long, or with control characters", f"At most {MAX_CELL_CHARS} printable characters."
            )
    wish = Wish(
        size=Size(*(_whole(cells, name, 1, 3000) for name in ("width_mm", "height_mm", "depth_mm"))),
        weight_g=_whole(cells, "weight_g", 1, 100_000),
        upright=_flag(cells, "upright"),
        accessible=_flag(cells, "accessible"),
        features=_features(cells.get("features", "")),
    )
    locker_id = _match(cells, "locker_id", _LOCKER, "Use a locker's id, or leave it empty.", optional=True)
    carrier = _match(cells, "carrier", _CARRIER, "At most 40 letters, digits, spaces and . & -", optional=True)
    return Announcement(_tracking(cells), carrier, wish, _recipient(cells), locker_id or None, _cod(cells))


def _tracking(cells: Mapping[str, str]) -> str:
    text = cells.get("tracking_number", "").upper().replace(" ", "")
    digits = sscc_of(text)
    if digits is not None:
        if not sscc_holds(digits):
            raise _Bad("tracking_number", "the SSCC's check digit is wrong", "Copy all 18 digits from the label.")
        return digits
    if not _TRACKING.match(text):
        raise _Bad("tracking_number", "is no tracking number", "Use an SSCC of 18 digits, or 4 to 40 of A-Z 0-9 and -.")
    return text


def _recipient(cells: Mapping[str, str]) -> Recipient:
    name = cells.get("recipient_name", "")
    if not name or len(name) > 100:
        raise _Bad("recipient_name", "is missing or longer than 100", "Give the name on the label.")
    email = _match(cells, "recipient_email", _EMAIL, "Use an address like ann@example.org.", optional=True)
    phone = _match(cells, "recipient_phone", _PHONE, "Use +, country code, number: +4915112345678.", optional=True)
    if not email and not phone:
        raise _Bad("recipient_email", "neither e-mail nor phone", "Give one, so that the code reaches the recipient.")
    language = _match(cells, "recipient_language", _LANGUAGE, "Use two letters: en, de.", optional=True)
    return Recipient(name, email, phone, language or "en")


def _cod(cells: Mapping[str, str]) -> Money | None:
    if cells.get("cod_minor", "0") in ("", "0"):
        return None
    currency = _match(cells, "cod_currency", _CURRENCY, "Use three letters of ISO 4217: EUR.", optional=False)
    return Money(_whole(cells, "cod_minor", 1, 10**9), currency)


def _features(text: str) -> frozenset[str]:
    names = frozenset(text.replace(",", " ").replace("|", " ").split())
    for name in names:
        if not _FEATURE.match(name):
            raise _Bad("features", f"{name!r:.40} is no feature", "Use words like chilled, separated by spaces.")
    return names


def _whole(cells: Mapping[str, str], name: str, low: int, high: int) -> int:
    text = cells.get(name, "")
    if not text.isascii() or not _WHOLE.match(text) or not low <= int(text) <= high:
        raise _Bad(name, "is no whole number in range", f"Use {low} to {high}, without unit or decimals.")
    return int(text)


def _flag(cells: Mapping[str, str], name: str) -> bool:
    value = _FLAGS.get(cells.get(name, "").lower())
    if value is None:
        raise _Bad(name, "is neither yes nor no", "Use yes or no.")
    return value


def _match(cells: Mapping[str, str], name: str, pattern: re.Pattern[str], remedy: str, *, optional: bool) -> str:
    value = cells.get(name, "")
    if (value or not optional) and not pattern.match(value):
        raise _Bad(name, "is not of the right form", remedy)
    return value


def csv_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: such a text gets an apostrophe in front."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def findings_csv(findings: tuple[Finding, ...]) -> str:
    """The findings as CSV for the sender's spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["line", "column", "what", "remedy"])
    for item in findings:
        writer.writerow([item.line, csv_cell(item.column), csv_cell(item.what), csv_cell(item.remedy)])
    return out.getvalue()
