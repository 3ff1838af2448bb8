"""Plans about pins: nothing acts at boot, start, kill, reboot; a pulse that is asked for happens once."""

from __future__ import annotations

from collections.abc import Sequence

from hil.device_program import start_program
from hil.plan import Recorder, plan
from hil.protocols import Pins, Power, Shell
from hil.rig import Rig
from hil.trace import Edge, pulses

HIGH_PIN, LOW_PIN, LISTENING_PIN = 5, 6, 7
PULSE_MS = 200
LATE_MS = 400
LABEL = "rig-pins"
NAMES = {HIGH_PIN: "acts on high", LOW_PIN: "acts on low"}
POLARITIES = ((HIGH_PIN, "high"), (LOW_PIN, "low"))


@plan(
    Power, Shell, Pins, summary="No output acts at boot, program start, kill, orderly end or reboot; both polarities."
)
async def zero_pulses(rig: Rig, record: Recorder) -> None:
    power, pins = rig.get(Power), rig.get(Pins)
    await power.on()
    record.measure("edges_at_boot", len(await pins.edges()), "edges", high=0)
    for pin, polarity in POLARITIES:
        for _ in range(2):
            program = await start_program(rig, "output", LABEL, str(pin), polarity)
            await program.wait_for("ready")
            await program.kill()
        program = await start_program(rig, "output", LABEL, str(pin), polarity)
        await program.wait_for("ready")
        await program.stop()
        seen = await pins.edges()
        record.measure(f"pulses_acts_on_{polarity}", _count(seen, pin, polarity), "pulses", high=0)
        record.measure(f"claims_acts_on_{polarity}", sum(e.line == pin and e.driven for e in seen), "edges", low=3)
    record.picture("Three starts, two kills, one orderly end", await pins.edges(), NAMES)
    await power.off()
    await power.on()
    record.measure("edges_at_reboot", len(await pins.edges()), "edges", high=0)


@plan(Power, Shell, Pins, summary="One pulse that is asked for is one pulse on the pin, of the length asked for.")
async def one_pulse(rig: Rig, record: Recorder) -> None:
    await rig.get(Power).on()
    for pin, polarity in POLARITIES:
        program = await start_program(rig, "output", LABEL, str(pin), polarity)
        await program.wait_for("ready")
        await program.say(str(PULSE_MS))
        await program.wait_for("pulsed")
        await program.stop()
        seen = await rig.get(Pins).edges()
        found = pulses(seen, pin, active_high=polarity == "high")
        record.measure(f"pulses_acts_on_{polarity}", len(found), "pulses", low=1, high=1)
        widths = [(item.width_us or 0) // 1000 for item in found]
        # An emulated clock runs unevenly; on a bench the upper limit is the rig's to tighten.
        record.measure(f"width_acts_on_{polarity}", max(widths, default=0), "ms", low=PULSE_MS - 10, high=LATE_MS)
    record.picture("One pulse of 200 ms on each pin", await rig.get(Pins).edges(), NAMES)


@plan(Power, Shell, Pins, summary="Control: the rig sees the pulse that an unchanged library makes at every start.")
async def rig_sees_short_pulses(rig: Rig, record: Recorder) -> None:
    await rig.get(Power).on()
    program = await start_program(rig, "output", LABEL, str(LOW_PIN), "low", "stock")
    await program.wait_for("ready")
    await program.kill()
    seen = await rig.get(Pins).edges()
    record.measure("pulses_seen", _count(seen, LOW_PIN, "low"), "pulses", low=1)
    record.picture("An output that acts on low, claimed low first", seen, NAMES)


def _count(seen: Sequence[Edge], pin: int, polarity: str) -> int:
    return len(pulses(seen, pin, active_high=polarity == "high"))


LABEL = "rig-pins"
