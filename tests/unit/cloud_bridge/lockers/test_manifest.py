"""Manifests: good rows pass, bad rows are named, and no bytes whatever break the reader."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cloud_bridge.lockers.gs1 import check_digit, sscc_holds
from cloud_bridge.lockers.manifest import COLUMNS, Finding, csv_cell, findings_csv, read_manifest

HEADER = "tracking_number,width_mm,height_mm,depth_mm,weight_g,recipient_name,recipient_email"
GOOD = "PW-0001,300,100,200,1500,Ann Example,ann@example.org"


def table(*lines: str, end: str = "\n") -> bytes:
    return end.join((HEADER, *lines, "")).encode()


def test_good_row_becomes_an_announcement() -> None:
    manifest = read_manifest(table(GOOD))
    assert manifest.findings == ()
    item = manifest.rows[0].announcement
    assert (item.parcel_id, item.wish.size.depth_mm, item.wish.weight_g) == ("PW-0001", 200, 1500)
    assert (item.recipient.name, item.recipient.language, item.locker_id) == ("Ann Example", "en", None)


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + table(GOOD),
        table(GOOD, end="\r\n"),
        table(GOOD).replace(b",", b";"),
        table(GOOD).replace(b",", b"\t"),
        table(GOOD).decode().encode("utf-16"),
        table('"PW-0001","300","100","200","1500","Ann Example","ann@example.org"'),
        table("", GOOD, ""),
    ],
    ids=["BOM", "CRLF", "semicolons", "tabs", "UTF-16", "quotes", "blank lines"],
)
def test_file_as_spreadsheets_write_it_is_read(data: bytes) -> None:
    manifest = read_manifest(data)
    assert [row.announcement.parcel_id for row in manifest.rows] == ["PW-0001"] and not manifest.findings


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("PW 1$,300,100,200,1500,Ann,a@b.org", "tracking_number"),
        ("340434567890123456,300,100,200,1500,Ann,a@b.org", "tracking_number"),
        ("PW-2,0,100,200,1500,Ann,a@b.org", "width_mm"),
        ("PW-02,30.5,100,200,1500,Ann,a@b.org", "width_mm"),
        ("PW-02,٣٠,100,200,1500,Ann,a@b.org", "width_mm"),
        ("PW-02,300,100,200,-5,Ann,a@b.org", "weight_g"),
        ("PW-02,300,100,200,1500,,a@b.org", "recipient_name"),
        ("PW-02,300,100,200,1500,Ann,", "recipient_email"),
        ("PW-02,300,100,200,1500,Ann,nowhere", "recipient_email"),
        ("PW-02,300,100,200,1500,An\x07n,a@b.org", "recipient_name"),
        ("PW-0001,300,100,200,1500,Ann,a@b.org", "tracking_number"),
        ("PW-02,300,100,200,1500,Ann,a@b.org,more", ""),
    ],
    ids=["signs", "SSCC check digit", "zero", "decimals", "foreign digits", "negative", "no name", "no contact",
         "bad address", "control character", "twice", "too many cells"],
)  # fmt: skip
def test_bad_row_is_named_and_the_rest_goes_on(row: str, column: str) -> None:
    manifest = read_manifest(table(GOOD, row, GOOD.replace("0001", "0003")))
    assert [item.announcement.parcel_id for item in manifest.rows] == ["PW-0001", "PW-0003"]
    finding = manifest.findings[0]
    assert (finding.line, finding.column) == (3, column)
    assert finding.what and finding.remedy


def test_line_number_counts_lines_inside_quotes() -> None:
    manifest = read_manifest(table('PW-0001,300,100,200,1500,"Ann\nExample",ann@example.org', "bad"))
    assert [finding.line for finding in manifest.findings] == [2, 4]


def test_sscc_with_and_without_its_identifier_is_one_parcel() -> None:
    body = "34043456789012345"
    sscc = body + check_digit(body)
    rows = [f"{text},300,100,200,1500,Ann,a@b.org" for text in (sscc, f"00{sscc}", f"(00){sscc}")]
    manifest = read_manifest(table(*rows))
    assert [row.announcement.parcel_id for row in manifest.rows] == [sscc]
    assert len(manifest.findings) == 2


def test_check_digit_of_the_gs1_example_holds() -> None:
    assert sscc_holds("376104250021234569") and not sscc_holds("376104250021234568")


@pytest.mark.parametrize(
    "data",
    [b"", b"\n\n", b"a,b\n1,2\n", HEADER.encode() + b",weight_g\n", b"caf\xe9", b"a\0b", b"x" * (4 * 1024 * 1024 + 1)],
    ids=["empty", "blank", "other columns", "column twice", "Latin-1", "NUL", "too large"],
)
def test_file_that_is_no_manifest_gives_one_finding(data: bytes) -> None:
    manifest = read_manifest(data)
    assert manifest.rows == () and len(manifest.findings) == 1 and manifest.findings[0].line == 0


def test_json_is_read_like_csv() -> None:
    parcel = {
        "tracking_number": "PW-0001", "width_mm": 300, "height_mm": 100, "depth_mm": 200, "weight_g": 1500,
        "recipient_name": "Ann", "recipient_phone": "+4915112345678", "features": ["chilled"], "upright": True,
        "recipient_language": "de", "locker_id": "locker-0001",
    }  # fmt: skip
    manifest = read_manifest(json.dumps({"parcels": [parcel, {**parcel, "x": 1}, 7]}).encode(), as_json=True)
    item = manifest.rows[0].announcement
    assert item.wish.upright and item.wish.features == {"chilled"} and item.locker_id == "locker-0001"
    assert [(finding.line, finding.column) for finding in manifest.findings] == [(2, "x"), (3, "")]


@settings(max_examples=60)
@given(st.binary(max_size=300))
@example(b'{"parcels":[' + b"[" * 3000)
@example(b'{"parcels":[{"width_mm":1e9}]}')
@example(b'{"parcels":[{"width_mm":' + b"9" * 5000 + b"}]}")
def test_any_bytes_as_json_end_in_findings(data: bytes) -> None:
    manifest = read_manifest(data, as_json=True)
    assert manifest.rows == () and all(finding.what for finding in manifest.findings)


@settings(max_examples=100)
@given(st.text(max_size=200), st.text(alphabet=",;\"\n\rA1=\t'", max_size=60))
def test_any_text_below_a_good_header_ends_in_rows_or_findings(first: str, second: str) -> None:
    data = "\n".join((HEADER, GOOD, first, second)).encode("utf-8", "replace")
    manifest = read_manifest(data)
    assert all(row.line >= 1 for row in manifest.rows)
    assert all(finding.what and finding.remedy for finding in manifest.findings)


@settings(max_examples=60)
@given(st.text(alphabet="=+-@\t\rA1\n,\"'", max_size=20))
def test_findings_as_csv_hold_no_formula(text: str) -> None:
    written = findings_csv((Finding(1, text, text, "remedy"),))
    cells = list(csv.reader(io.StringIO(written, newline="")))[1]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)
    assert cells[1] == csv_cell(text)


def test_columns_are_documented() -> None:
    from pathlib import Path

    page = (Path(__file__).parents[4] / "docs/reference/manifest.md").read_text()
    assert [name for name in COLUMNS if f"`{name}`" not in page] == []
