"""PURE. Where the labels of a sheet lie: a grid in micrometres, as the makers of label paper describe theirs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from provisioning.errors import Refused

MIN_SIDE_UM = 15_000  # below that no phone reads the code


@dataclass(frozen=True, slots=True)
class Grid:
    """A page with `columns` × `rows` labels; margins to the first label, gaps between two."""

    page_width_um: int = 210_000
    page_height_um: int = 297_000
    columns: int = 3
    rows: int = 7
    label_width_um: int = 63_500
    label_height_um: int = 38_100
    left_um: int = 7_250
    top_um: int = 15_150
    gap_x_um: int = 2_500
    gap_y_um: int = 0

    def check(self) -> None:
        """
        Raises:
            Refused: it does not fit on the page, or labels are too small for a code.
        """
        if self.columns < 1 or self.rows < 1 or min(self.left_um, self.top_um, self.gap_x_um, self.gap_y_um) < 0:
            raise Refused("fewer than one label, or a negative length", where="grid", remedy="Measure the sheet again.")
        if min(self.label_width_um, self.label_height_um) < MIN_SIDE_UM:
            raise Refused("labels under 15 mm hold no readable code", where="grid", remedy="Use larger labels.")
        right = self.left_um + self.columns * self.label_width_um + (self.columns - 1) * self.gap_x_um
        bottom = self.top_um + self.rows * self.label_height_um + (self.rows - 1) * self.gap_y_um
        if right > self.page_width_um or bottom > self.page_height_um:
            what = f"it reaches to {right // 1000} × {bottom // 1000} mm, beyond the page"
            raise Refused(what, where="grid", remedy="Correct margins, gaps or counts.")

    @property
    def per_page(self) -> int:
        return self.columns * self.rows

    def places(self, count: int, skip: int = 0) -> Iterator[tuple[int, int, int]]:
        """Page (from 0) and upper left corner of each of `count` labels, after `skip` that are used already."""
        for number in range(skip, skip + count):
            page, place = divmod(number, self.per_page)
            row, column = divmod(place, self.columns)
            x = self.left_um + column * (self.label_width_um + self.gap_x_um)
            y = self.top_um + row * (self.label_height_um + self.gap_y_um)
            yield page, x, y
