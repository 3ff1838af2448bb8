"""The wiring pictures of docs/reference/wiring: one for each family of boards, and two for the computer's own pins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from edge.drivers.board_family import FACTS, BoardFamily, UnlockAnswer
from tests.architecture.pages.svg import INK, LINE_A, LINE_B, MINUS, PLUS, QUIET, SIGNAL, Sheet

Y_A, Y_B, Y_GROUND, Y_PLUS, Y_MINUS, Y_BOARD, Y_FOOT = 90, 140, 190, 255, 290, 350, 450
BOARDS_X, BOARD_WIDTH = (520, 850), 230


@dataclass(frozen=True, slots=True)
class Board:
    """How a family's board is wired, in the words on its terminals."""

    family: BoardFamily
    name: str
    address: str
    lock: tuple[str, str] = ("L+", "L−")
    feedback: tuple[str, str] = ("S1", "S2")
    feedback_name: str = "contact in the lock"
    item_sensor: bool = False
    dry_relay: bool = False


BOARDS = (
    Board(BoardFamily.XOR_8A, "XOR “8A” lock board", "DIP switch, 1 to 31"),
    Board(BoardFamily.KERONG_CU, "KERONG CU12, CU16, CU24", "DIP switch, 0 to 15", item_sensor=True),
    Board(BoardFamily.KERONG_CU48, "KERONG CU48", "DIP switch, 0 to 255"),
    Board(BoardFamily.WKLY, "WKLY lock board", "DIP switch, 0 to 31"),
    Board(BoardFamily.WINNSEN, "Winnsen lock board", "DIP switch, 0 to 31"),
    Board(
        BoardFamily.MODBUS_RELAY, "Modbus RTU relay board", "switch or register, 1 to 247", ("COM", "NO"),
        ("DI", "GND"), "reed contact, magnet in the door", dry_relay=True,
    ),
)  # fmt: skip


def bus_picture(board: Board) -> str:
    """A computer, its adapter, the bus with both ends closed, the supply, and two boards with one lock drawn out."""
    sheet = Sheet(
        f"Wiring: {board.name}",
        f"A computer with an RS-485 adapter, 120 ohm at both ends of the bus, a bias resistor from A to 5 V and one "
        f"from B to ground, a fused 12 V supply, and two boards of {board.name}. One lock is drawn with its flyback "
        "diode, cathode at plus, and its door contact.",
        1120,
        760,
    )
    sheet.text((30, 34), f"{board.name} on RS-485", "h")
    _computer(sheet)
    _bus(sheet)
    _supply(sheet)
    for place, x in enumerate(BOARDS_X):
        _board(sheet, board, x, place)
    _channel(sheet, board, BOARDS_X[0])
    _facts(sheet, board)
    return sheet.svg()


def _computer(sheet: Sheet) -> None:
    sheet.box((30, 60), (120, 150), "Computer")
    sheet.wire(QUIET, (150, 135), (185, 135))
    sheet.text((155, 125), "USB", "s")
    sheet.box((185, 60), (140, 150), "RS-485", "adapter")
    for y, name in ((Y_A, "A"), (Y_B, "B"), (Y_GROUND, "GND")):
        sheet.parts.append(f'<circle cx="325" cy="{y}" r="5" class="p"/>')
        sheet.text((312, y + 5), name, "s", "end")


def _bus(sheet: Sheet) -> None:
    for y, color in ((Y_A, LINE_A), (Y_B, LINE_B), (Y_GROUND, QUIET)):
        sheet.wire(color, (330, y), (1070 if y != Y_GROUND else BOARDS_X[1] + 110, y))
    for x in (370, 1070):
        sheet.resistor((x, Y_A), Y_B - Y_A, "120 Ω", side=-12 if x > 1000 else 12)
        sheet.dot(INK, (x, Y_A), (x, Y_B))
    sheet.resistor((460, Y_A - 50), 50, "560 Ω to +5 V")
    sheet.resistor((460, Y_B), Y_GROUND - Y_B, "560 Ω")
    sheet.dot(INK, (460, Y_A), (460, Y_B), (460, Y_GROUND))
    sheet.text((590, Y_A - 14), "A and B: one twisted pair, from board to board, no branches", "s")


def _supply(sheet: Sheet) -> None:
    sheet.box((30, 235), (150, 75), "12 V supply")
    for y, color in ((Y_PLUS, PLUS), (Y_MINUS, MINUS)):
        sheet.wire(color, (180, y), (BOARDS_X[1] + (150 if color == PLUS else 190), y))
    sheet.fuse((215, Y_PLUS), 60, "fuse")
    sheet.text((188, Y_PLUS - 8), "+", "s")
    sheet.text((188, Y_MINUS - 8), "−", "s")
    sheet.wire(QUIET, (420, Y_GROUND), (420, Y_MINUS))
    sheet.dot(QUIET, (420, Y_GROUND), (420, Y_MINUS))


def _board(sheet: Sheet, board: Board, x: int, place: int) -> None:
    address = board.address if place == 0 else "next board, another address"
    sheet.box((x, Y_BOARD), (BOARD_WIDTH, Y_FOOT - Y_BOARD), board.name, address)
    legs = ((30, "A", Y_A, LINE_A), (70, "B", Y_B, LINE_B), (110, "GND", Y_GROUND, QUIET), (150, "12 V", Y_PLUS, PLUS),
            (190, "0 V", Y_MINUS, MINUS))  # fmt: skip
    for offset, name, y, color in legs:
        sheet.wire(color, (x + offset, y), (x + offset, Y_BOARD))
        sheet.dot(color, (x + offset, y))
        sheet.terminal((x + offset, Y_BOARD), name)
    if place:
        sheet.text((x + BOARD_WIDTH // 2, Y_FOOT + 30), "its locks as on the first board", "s", "middle")


def _channel(sheet: Sheet, board: Board, x: int) -> None:
    """Channel 1: the lock's coil with its diode, the door's contact, and what sees inside."""
    top, long = 510, 90
    for offset, name in zip((30, 90, 150, 200), (*board.lock, *board.feedback), strict=True):
        sheet.terminal((x + offset, Y_FOOT), name, below=False)
    _dry_lock(sheet, x, top, long) if board.dry_relay else _driven_lock(sheet, x, top, long)
    sheet.wire(SIGNAL, (x + 150, Y_FOOT), (x + 150, top))
    sheet.contact((x + 150, top), long, board.feedback_name, side=64)
    sheet.wire(SIGNAL, (x + 150, top + long), (x + 200, top + long), (x + 200, Y_FOOT))
    if board.item_sensor:
        sheet.box((x - 320, Y_FOOT - 50), (200, 60), "infrared sensor", "sees what is inside, if fitted")
        sheet.wire(SIGNAL, (x - 120, Y_FOOT - 20), (x, Y_FOOT - 20))
    sheet.text((x - 10, 640), "channel 1; the others alike", "s")


def _driven_lock(sheet: Sheet, x: int, top: int, long: int) -> None:
    sheet.wire(PLUS, (x + 30, Y_FOOT), (x + 30, top))
    sheet.wire(MINUS, (x + 90, Y_FOOT), (x + 90, top - 30), (x + 110, top - 30), (x + 110, top + long + 20))
    sheet.wire(MINUS, (x + 110, top + long + 20), (x + 30, top + long + 20), (x + 30, top + long))
    _coil_and_diode(sheet, x + 30, top, long)


def _dry_lock(sheet: Sheet, x: int, top: int, long: int) -> None:
    """A relay's contact feeds the coil; the board gives no voltage of its own."""
    sheet.wire(PLUS, (x + 30, Y_FOOT), (x + 30, Y_FOOT + 22), (x - 40, Y_FOOT + 22), (x - 40, Y_PLUS))
    sheet.dot(PLUS, (x - 40, Y_PLUS))
    sheet.wire(PLUS, (x + 90, Y_FOOT), (x + 90, top - 20), (x + 30, top - 20), (x + 30, top))
    sheet.wire(MINUS, (x + 30, top + long), (x + 30, top + long + 20), (x - 80, top + long + 20), (x - 80, Y_MINUS))
    sheet.dot(MINUS, (x - 80, Y_MINUS))
    _coil_and_diode(sheet, x + 30, top, long)


def _coil_and_diode(sheet: Sheet, x: int, top: int, long: int) -> None:
    sheet.coil((x, top), long, "lock")
    sheet.wire(INK, (x, top), (x - 45, top))
    sheet.wire(INK, (x, top + long), (x - 45, top + long))
    sheet.diode((x - 45, top), long, "diode")
    sheet.dot(INK, (x, top), (x, top + long))


_ANSWERS = {
    UnlockAnswer.EXPECTED: "answers an unlock",
    UnlockAnswer.OPTIONAL: "some firmwares answer an unlock",
    UnlockAnswer.NEVER: "answers no unlock",
}


def _facts(sheet: Sheet, board: Board) -> None:
    facts = FACTS[board.family]
    habit = (
        "closed_bit has to be stated"
        if facts.closed_bit is None
        else f"door bit {facts.closed_bit} means closed unless stated otherwise"
    )
    lines = (
        f"{facts.baud} 8N1 · address {facts.addresses[0]} to {facts.addresses[-1]} · up to {facts.channels_max} "
        f"channels · {_ANSWERS[facts.answer]} · {habit}",
        "Terminals are named after what they do; your board's print may differ. 120 Ω at the two ends of the bus only, "
        "bias at one place only.",
        "The diode sits at the coil, bar to plus; many boards and locks have it already. The driver pulses one lock of "
        "a bus at a time.",
    )
    for number, line in enumerate(lines):
        sheet.text((30, 690 + 24 * number), line, "s")


# --- the computer's own pins -----------------------------------------------------------------------------------


def _pins(title: str, about: str) -> Sheet:
    sheet = Sheet(f"Wiring: {title}", about, 1000, 640)
    sheet.text((30, 34), title, "h")
    sheet.box((30, 70), (170, 500), "Computer", "3.3 V pins")
    return sheet


def _pin(sheet: Sheet, y: int, name: str) -> None:
    sheet.parts.append(f'<circle cx="200" cy="{y}" r="5" class="p"/>')
    sheet.text((188, y + 5), name, "s", "end")


def _inputs(sheet: Sheet) -> None:
    """Door contact straight at a pin, anything with a voltage of its own behind an optocoupler."""
    _pin(sheet, 390, "GPIO door")
    sheet.wire(SIGNAL, (205, 390), (420, 390))
    sheet.resistor((300, 340), 50, "10 kΩ to 3.3 V")
    sheet.dot(SIGNAL, (300, 390))
    sheet.contact((420, 390), 70, "reed contact, magnet in the door: closed = 0")
    _pin(sheet, 460, "GND")
    sheet.wire(MINUS, (205, 460), (420, 460))
    _pin(sheet, 500, "GPIO item")
    sheet.wire(SIGNAL, (205, 500), (560, 500), (560, 515), (640, 515))
    sheet.resistor((300, 500), 50, "10 kΩ to 3.3 V")
    sheet.dot(SIGNAL, (300, 500))
    _pin(sheet, 555, "GND")
    sheet.wire(MINUS, (205, 555), (250, 555), (250, 580), (620, 580), (620, 555), (640, 555))
    sheet.coupler((640, 500), "optocoupler")
    sheet.wire(PLUS, (740, 515), (790, 515))
    sheet.text((798, 520), "through 1 kΩ: a 12 V sensor", "s")
    sheet.wire(MINUS, (740, 555), (790, 555))
    sheet.text((798, 560), "0 V of the 12 V side", "s")


def mosfet_picture() -> str:
    sheet = _pins(
        "Own pins: MOSFET output, reed input, optocoupler",
        "A pin drives the gate of a logic-level n-channel MOSFET through 220 ohm, with 10 kiloohm from gate to ground, "
        "so that the lock stays shut while nobody drives the pin. The lock's coil hangs between plus 12 V and the "
        "drain, with a flyback diode, cathode at plus.",
    )
    _pin(sheet, 250, "GPIO lock")
    sheet.wire(SIGNAL, (205, 250), (330, 250))
    sheet.parts.append('<rect x="330" y="243" width="40" height="14" class="p"/>')
    sheet.text((350, 236), "220 Ω", "s", "middle")
    sheet.wire(SIGNAL, (370, 250), (520, 250))
    sheet.resistor((440, 250), 60, "10 kΩ", side=-14)
    sheet.dot(SIGNAL, (440, 250))
    sheet.transistor((560, 210), "logic-level MOSFET")
    _pin(sheet, 310, "GND")
    sheet.wire(MINUS, (205, 310), (560, 310), (560, 290))
    sheet.dot(MINUS, (440, 310), (560, 310))
    sheet.wire(MINUS, (560, 310), (800, 310))
    sheet.text((808, 315), "0 V of the 12 V supply", "s")
    _hanging_lock(sheet, 560, 110, 80)
    _inputs(sheet)
    sheet.text(
        (30, 615), "Output active high: lock_active_high = true. The 10 kΩ holds it off before the program runs.", "s"
    )
    return sheet.svg()


def relay_picture() -> str:
    sheet = _pins(
        "Own pins: relay module, reed input, optocoupler",
        "A pin drives an opto-isolated relay module; its contact feeds the lock's coil from plus 12 V. The coil has a "
        "flyback diode, cathode at plus.",
    )
    _pin(sheet, 180, "GPIO lock")
    sheet.wire(SIGNAL, (205, 180), (340, 180))
    _pin(sheet, 215, "3.3 V")
    sheet.wire(PLUS, (205, 215), (340, 215))
    _pin(sheet, 250, "GND")
    sheet.wire(MINUS, (205, 250), (340, 250))
    sheet.box((340, 150), (170, 130), "relay module", "opto-isolated input")
    sheet.wire(PLUS, (510, 180), (560, 180), (560, 100), (800, 100))
    sheet.text((518, 172), "COM", "s")
    sheet.text((808, 105), "+12 V, fused", "s")
    sheet.wire(PLUS, (510, 215), (640, 215))
    sheet.text((518, 208), "NO", "s")
    sheet.coil((640, 215), 80, "lock")
    sheet.wire(INK, (640, 215), (590, 215))
    sheet.wire(INK, (640, 295), (590, 295))
    sheet.diode((590, 215), 80, "diode")
    sheet.dot(INK, (640, 215), (640, 295))
    sheet.wire(MINUS, (640, 295), (640, 320), (800, 320))
    sheet.text((808, 325), "0 V of the 12 V supply", "s")
    _inputs(sheet)
    sheet.text(
        (30, 615),
        "Most modules switch on at 0: lock_active_high = false, and give the input a pull-up of 10 kΩ to 3.3 V.",
        "s",
    )
    return sheet.svg()


def _hanging_lock(sheet: Sheet, x: int, top: int, long: int) -> None:
    sheet.wire(PLUS, (x, top), (x, top - 20), (800, top - 20))
    sheet.text((808, top - 15), "+12 V, fused", "s")
    _coil_and_diode(sheet, x, top, long)
    sheet.wire(INK, (x, top + long), (x, top + long + 20))


PICTURES: Mapping[str, Callable[[], str]] = {
    **{f"wiring/{board.family.value}.svg": partial(bus_picture, board) for board in BOARDS},
    "wiring/pins-mosfet.svg": mosfet_picture,
    "wiring/pins-relay.svg": relay_picture,
}
