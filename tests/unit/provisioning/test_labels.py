"""Label sheets: where labels lie, and that what is printed on them can be read."""

from __future__ import annotations

from pathlib import Path

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from provisioning.errors import Refused
from provisioning.label_drawing import draw_sheets, save_sheets
from provisioning.label_sheet import Grid

IDS = [f"locker-10000000abcd{number:04d}" for number in range(24)]
DPI = 300


def codes(page: Image.Image) -> list[str]:
    found = zxingcpp.read_barcodes(page.convert("L"), formats=zxingcpp.BarcodeFormat.QRCode)
    return sorted(code.text for code in found)


def test_codes_of_every_label_are_read_from_the_picture() -> None:
    pages = draw_sheets(IDS, "example.fleet", Grid(), dpi=DPI)
    assert [codes(page) for page in pages] == [IDS[:21], IDS[21:]]
    assert pages[0].size == (2480, 3508), "A4"


@pytest.mark.parametrize("device_id", ["abc", "robot-gateway-10000000abcdef0123456789", "a" * 40, "0-" * 20])
@pytest.mark.parametrize(
    "size", [(63_500, 38_100), (25_000, 25_000), (100_000, 15_000)], ids=["l7160", "square", "flat"]
)
def test_code_on_labels_of_any_shape_is_read_and_nothing_is_drawn_outside(
    device_id: str, size: tuple[int, int]
) -> None:
    grid = Grid(120_000, 60_000, 1, 1, *size, left_um=10_000, top_um=10_000)
    (page,) = draw_sheets([device_id], "example.fleet", grid, dpi=DPI)
    assert codes(page) == [device_id]
    left, top, right, bottom = page.convert("L").point(lambda value: 255 - value).getbbox()
    dots = DPI / 25_400
    assert left >= 10_000 * dots - 1 and top >= 10_000 * dots - 1
    assert right <= (10_000 + size[0]) * dots + 1 and bottom <= (10_000 + size[1]) * dots + 1


def test_sheet_begun_earlier_goes_on_after_the_used_labels() -> None:
    places = list(Grid().places(2, skip=20))
    assert places == [(0, 7_250 + 2 * 66_000, 15_150 + 6 * 38_100), (1, 7_250, 15_150)]


@settings(max_examples=50)
@given(st.builds(Grid, *[st.integers(1, 400_000)] * 2, *[st.integers(1, 6)] * 2, *[st.integers(0, 90_000)] * 6))
def test_grid_that_is_accepted_lies_on_its_page_without_overlap(grid: Grid) -> None:
    try:
        grid.check()
    except Refused as error:
        assert error.remedy
        return
    places = [(x, y) for _, x, y in grid.places(grid.per_page)]
    assert all(x + grid.label_width_um <= grid.page_width_um for x, _ in places)
    assert all(y + grid.label_height_um <= grid.page_height_um for _, y in places)
    assert len({x for x, _ in places}) == grid.columns and len({y for _, y in places}) == grid.rows


def test_pdf_has_a_page_a_sheet_in_true_size_and_png_a_file_a_sheet(tmp_path: Path) -> None:
    pages = draw_sheets(IDS, "example.fleet", Grid(), dpi=DPI)
    (pdf,) = save_sheets(pages, tmp_path / "sheet.pdf", DPI)
    data = pdf.read_bytes()
    assert data.startswith(b"%PDF") and data.count(b"/Type /Page\n") + data.count(b"/Type /Page ") == 2
    assert b"595.2" in data and b"841.9" in data, "A4 in points"
    assert [path.name for path in save_sheets(pages, tmp_path / "sheet.png", DPI)] == ["sheet-1.png", "sheet-2.png"]
    assert codes(Image.open(tmp_path / "sheet-1.png")) == IDS[:21]
    with pytest.raises(Refused):
        save_sheets(pages, tmp_path / "sheet.gif", DPI)
