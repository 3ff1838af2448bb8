"""A wiring picture as text: wires, terminals and the usual symbols on one sheet, drawn without any library."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape

Point = tuple[int, int]
INK, PLUS, MINUS, LINE_A, LINE_B, SIGNAL, QUIET = (
    "#1d252c", "#b3261e", "#1d252c", "#0b5cad", "#8a4b00", "#11663a", "#4a5560",
)  # fmt: skip
_STYLE = (
    "text{font:15px system-ui,sans-serif;fill:#1d252c}.h{font-weight:700;font-size:18px}.s{font-size:13px;fill:#4a5560}"
    ".b{fill:#f4f5f0;stroke:#1d252c;stroke-width:2}.w{fill:none;stroke-width:2.5}.p{fill:#fff;stroke:#1d252c;stroke-width:2}"
)


@dataclass(slots=True)
class Sheet:
    """What has been drawn so far; every position is in pixels from the top left."""

    title: str
    about: str
    width: int
    height: int
    parts: list[str] = field(default_factory=list)

    def svg(self) -> str:
        """The file: readable by itself, on white, with its title and description for readers of screens."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" role="img" '
            f'aria-labelledby="t d">\n<title id="t">{escape(self.title)}</title>\n'
            f'<desc id="d">{escape(self.about)}</desc>'
        )
        ground = f'<rect width="{self.width}" height="{self.height}" fill="#fff"/>'
        return "\n".join([head, f"<style>{_STYLE}</style>", ground, *self.parts, "</svg>"]) + "\n"

    def text(self, at: Point, words: str, kind: str = "", anchor: str = "start") -> None:
        self.parts.append(f'<text x="{at[0]}" y="{at[1]}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>')

    def box(self, at: Point, size: Point, *names: str) -> None:
        """A part with its name; further names are small print."""
        (x, y), (width, height) = at, size
        self.parts.append(f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="8" class="b"/>')
        for line, name in enumerate(names):
            self.text((x + width // 2, y + height // 2 + 6 + 18 * line), name, "s" if line else "", "middle")

    def wire(self, color: str, *points: Point) -> None:
        drawn = " ".join(f"{x},{y}" for x, y in points)
        self.parts.append(f'<polyline points="{drawn}" class="w" stroke="{color}"/>')

    def dot(self, color: str, *points: Point) -> None:
        """Where wires meet; wires that only cross have none."""
        self.parts += [f'<circle cx="{x}" cy="{y}" r="5" fill="{color}"/>' for x, y in points]

    def terminal(self, at: Point, name: str, below: bool = True) -> None:
        self.parts.append(f'<circle cx="{at[0]}" cy="{at[1]}" r="5" class="p"/>')
        self.text((at[0], at[1] + (20 if below else -10)), name, "s", "middle")

    # --- symbols; each stands on a wire from `at` downwards, `long` pixels ------------------------------------

    def resistor(self, at: Point, long: int, name: str, color: str = INK, side: int = 12) -> None:
        x, y = at
        top, bottom = y + long // 2 - 14, y + long // 2 + 14
        self.wire(color, at, (x, top))
        self.wire(color, (x, bottom), (x, y + long))
        self.parts.append(f'<rect x="{x - 7}" y="{top}" width="14" height="28" class="p"/>')
        self.text((x + side, y + long // 2 + 5), name, "s", "start" if side > 0 else "end")

    def coil(self, at: Point, long: int, name: str) -> None:
        x, y = at
        turns = long // 4
        path = "".join(f" a9 {turns / 2:g} 0 0 1 0 {turns}" for _ in range(4))
        self.parts.append(f'<path d="M{x} {y}{path}" class="w" stroke="{INK}"/>')
        self.text((x + 20, y + long // 2 + 5), name, "s")

    def diode(self, at: Point, long: int, name: str, side: int = -16) -> None:
        """The bar, its cathode, is at the top."""
        x, y = at
        middle = y + long // 2
        self.wire(INK, at, (x, middle - 12))
        self.wire(INK, (x, middle + 12), (x, y + long))
        self.parts.append(f'<path d="M{x - 12} {middle + 12} H{x + 12} L{x} {middle - 12} Z" fill="{INK}"/>')
        self.wire(INK, (x - 13, middle - 12), (x + 13, middle - 12))
        self.text((x + side, middle + 5), name, "s", "end" if side < 0 else "start")

    def contact(self, at: Point, long: int, name: str, side: int = 18) -> None:
        """A reed contact, with the magnet that sits in the door."""
        x, y = at
        middle = y + long // 2
        self.wire(SIGNAL, at, (x, middle - 14), (x + 12, middle + 10))
        self.wire(SIGNAL, (x, middle + 14), (x, y + long))
        self.text((x + side, middle + 5), name, "s")

    def fuse(self, at: Point, long: int, name: str) -> None:
        """Lies on a wire to the right."""
        x, y = at
        self.parts.append(f'<rect x="{x}" y="{y - 8}" width="{long}" height="16" class="p"/>')
        self.wire(PLUS, at, (x + long, y))
        self.text((x + long // 2, y - 14), name, "s", "middle")

    def transistor(self, at: Point, name: str) -> None:
        """An n-channel MOSFET: drain at the top, source 80 below, gate 40 to the left of the middle."""
        x, y = at
        self.wire(INK, at, (x, y + 22), (x - 14, y + 22))
        self.wire(INK, (x - 14, y + 58), (x, y + 58), (x, y + 80))
        self.wire(INK, (x - 14, y + 14), (x - 14, y + 66))
        self.wire(INK, (x - 22, y + 16), (x - 22, y + 64))
        self.wire(INK, (x - 22, y + 40), (x - 40, y + 40))
        self.wire(INK, (x - 14, y + 40), (x, y + 40), (x, y + 58))
        self.text((x + 10, y + 45), name, "s")

    def coupler(self, at: Point, name: str) -> None:
        """An optocoupler, 100 wide and 70 high: transistor on the left, LED on the right, from y+15 to y+55."""
        x, y = at
        self.parts.append(f'<rect x="{x}" y="{y}" width="100" height="70" rx="6" class="b"/>')
        self.parts.append(f'<path d="M{x + 58} {y + 26} h24 l-12 20 Z" fill="{INK}"/>')
        self.wire(INK, (x + 100, y + 15), (x + 70, y + 15), (x + 70, y + 26))
        self.wire(INK, (x + 58, y + 46), (x + 82, y + 46))
        self.wire(INK, (x + 70, y + 46), (x + 70, y + 55), (x + 100, y + 55))
        self.wire(SIGNAL, (x + 54, y + 28), (x + 42, y + 32), (x + 50, y + 35), (x + 38, y + 39))
        self.wire(INK, (x + 28, y + 18), (x + 28, y + 52))
        self.wire(INK, (x + 28, y + 28), (x, y + 15))
        self.wire(INK, (x + 28, y + 42), (x, y + 55))
        self.text((x + 50, y + 90), name, "s", "middle")
