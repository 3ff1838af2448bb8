"""What pins did over time: edges, the pulses among them, and a picture. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _ROW, _LEFT = 900, 44, 150


@dataclass(frozen=True, slots=True)
class Edge:
    """From `at_us` on the line had this level; `driven` is False while the device only listens on it."""

    at_us: int
    line: int
    high: bool
    driven: bool = True


@dataclass(frozen=True, slots=True)
class Pulse:
    """An output was active; `end_us` is None while it still is."""

    line: int
    start_us: int
    end_us: int | None

    @property
    def width_us(self) -> int | None:
        return None if self.end_us is None else self.end_us - self.start_us


def pulses(edges: Iterable[Edge], line: int, *, active_high: bool) -> tuple[Pulse, ...]:
    """Every stretch of time in which the device drove the line active, however short."""
    found: list[Pulse] = []
    since: int | None = None
    for edge in edges:
        if edge.line != line:
            continue
        active = edge.driven and edge.high == active_high
        if active and since is None:
            since = edge.at_us
        elif not active and since is not None:
            found.append(Pulse(line, since, edge.at_us))
            since = None
    if since is not None:
        found.append(Pulse(line, since, None))
    return tuple(found)


def draw(edges: Sequence[Edge], names: dict[int, str], title: str) -> str:
    """An SVG timing diagram: one row a line, dashed where the device does not drive it."""
    lines = sorted({edge.line for edge in edges} | set(names))
    first = min((edge.at_us for edge in edges), default=0)
    span = max(1, max((edge.at_us for edge in edges), default=1) - first)
    height = _ROW * (len(lines) + 1) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'font-family="sans-serif" font-size="12"><title>{escape(title)}</title>',
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
    ]
    for row, line in enumerate(lines):
        top = 16 + row * _ROW
        parts.append(f'<text x="8" y="{top + 20}">{escape(names.get(line, f"line {line}"))}</text>')
        parts += _row([edge for edge in edges if edge.line == line], top, first, span)
    parts.append(f'<text x="{_LEFT}" y="{height - 14}">0 ms</text>')
    parts.append(f'<text x="{_WIDTH - 10}" y="{height - 14}" text-anchor="end">{span / 1000:.3f} ms</text></svg>')
    return "".join(parts)


def _row(edges: Sequence[Edge], top: int, first: int, span: int) -> list[str]:
    out: list[str] = []
    for index, edge in enumerate(edges):
        ends = edges[index + 1].at_us if index + 1 < len(edges) else first + span
        start_x, end_x = (_LEFT + (at - first) * (_WIDTH - _LEFT - 10) / span for at in (edge.at_us, ends))
        level = top + (4 if edge.high else 28)
        dash = "" if edge.driven else ' stroke-dasharray="4 3"'
        out.append(
            f'<path d="M{start_x:.2f} {top + 4}V{top + 28}M{start_x:.2f} {level}H{end_x:.2f}" '
            f'fill="none" stroke="#0b57d0" stroke-width="1.5"{dash}/>'
        )
    return out
