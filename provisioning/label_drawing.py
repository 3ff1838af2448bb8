"""Sheets of labels as pictures: a QR code with the device's id, and the id for people, in black and white."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from provisioning.errors import Refused
from provisioning.label_sheet import Grid
from provisioning.storage import write_with

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

DPI = 600
_UM_PER_INCH = 25_400
_QUIET_MODULES = 4
MAX_LINE = 16


def draw_sheets(device_ids: Sequence[str], fleet: str, grid: Grid, skip: int = 0, dpi: int = DPI) -> list[Image]:
    """One picture a page, true to size at `dpi`.

    Raises:
        Refused: the grid does not fit.
    """
    from PIL import Image, ImageDraw

    grid.check()
    size = (_dots(grid.page_width_um, dpi), _dots(grid.page_height_um, dpi))
    pages: list[Image.Image] = []
    for device_id, (page, x, y) in zip(device_ids, grid.places(len(device_ids), skip), strict=True):
        while len(pages) <= page:
            pages.append(Image.new("1", size, 1))
        box = (_dots(x, dpi), _dots(y, dpi), _dots(grid.label_width_um, dpi), _dots(grid.label_height_um, dpi))
        _draw_label(ImageDraw.Draw(pages[page]), box, device_id, fleet)
    return pages


def save_sheets(pages: Sequence[Image], target: Path, dpi: int = DPI) -> list[Path]:
    """Write `target`: a PDF with all pages, or a PNG; of several PNG pages each has its number in the name.

    Raises:
        Refused: neither a PDF nor a PNG. StorageFailed: it cannot be written.
    """
    if target.suffix == ".pdf":
        rest = list(pages[1:])
        write_with(target, lambda file: pages[0].save(file, "PDF", resolution=dpi, save_all=True, append_images=rest))
        return [target]
    if target.suffix != ".png":
        raise Refused(f"neither .pdf nor .png: {target.name!r:.60}", where="--out", remedy="Name the file so.")
    names = [target] if len(pages) == 1 else [target.with_stem(f"{target.stem}-{n}") for n in range(1, len(pages) + 1)]
    for page, name in zip(pages, names, strict=True):
        write_with(name, lambda file, page=page: page.save(file, "PNG", dpi=(dpi, dpi)))  # type: ignore[misc]
    return names


def _draw_label(draw: ImageDraw, box: tuple[int, int, int, int], device_id: str, fleet: str) -> None:
    """The code at the left, as high as the label; the text beside it, as large as it fits."""
    import segno

    x, y, width, height = box
    code = [list(row) for row in segno.make(device_id, error="q", micro=False).matrix]
    dot = min(height, width // 2) // (len(code) + 2 * _QUIET_MODULES)
    side = dot * (len(code) + 2 * _QUIET_MODULES)
    left, top = x + _QUIET_MODULES * dot, y + (height - side) // 2 + _QUIET_MODULES * dot
    for row, modules in enumerate(code):
        for column, dark in enumerate(modules):
            if dark:
                at_x, at_y = left + column * dot, top + row * dot
                draw.rectangle((at_x, at_y, at_x + dot - 1, at_y + dot - 1), fill=0)
    room, lines = width - side - dot * 2, _lines(device_id)
    font = _fitting(max(lines, key=len), room, height // (len(lines) + 2))
    for number, line in enumerate(lines):
        at_y = y + height // 2 + (2 * number - len(lines)) * font.size // 2
        draw.text((x + side, at_y), line, fill=0, font=font)
    small = _fitting(fleet, room, height // 10)
    draw.text((x + side, y + height - 2 * dot - 2 * small.size), fleet, fill=0, font=small)


def _lines(device_id: str) -> list[str]:
    """Kind and number below each other; what is very long is cut again."""
    at = device_id.rfind("-") + 1
    parts = [part for part in (device_id[:at], device_id[at:]) if part]
    return [part[start : start + MAX_LINE] for part in parts for start in range(0, len(part), MAX_LINE)]


def _fitting(text: str, width: int, height: int) -> FreeTypeFont:
    """The largest type in which the text is no wider and no higher."""
    from PIL import ImageFont

    size = max(height, 8)
    while size > 8 and _type(ImageFont, size).getlength(text) > width:
        size -= max(1, size // 20)
    return _type(ImageFont, size)


def _type(fonts: object, size: int) -> FreeTypeFont:
    return fonts.load_default(size)  # type: ignore[attr-defined, no-any-return]


def _dots(length_um: int, dpi: int) -> int:
    return round(length_um * dpi / _UM_PER_INCH)
