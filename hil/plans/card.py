"""Plans about the card image itself: that it starts, and that nothing in it is the same on every device."""

from __future__ import annotations

from hil.plan import Recorder, plan
from hil.protocols import Card, Power, Shell
from hil.rig import Rig

SLOW_S = 300
AGENT = "parcelworks-agent.service"
# systemd's own scale: 0 is closed, 10 is open; below 4 it calls a unit OK.
WORST_EXPOSURE = 40


@plan(
    Power,
    Shell,
    Card,
    summary="The card starts without a failed unit, its root read-only, its data grown; it shares no secret.",
    timeout_s=1_800,
)
async def card_starts(rig: Rig, record: Recorder) -> None:
    shell = rig.get(Shell)
    await rig.get(Power).on()

    async def said(command: str) -> str:
        return (await shell.run(command, SLOW_S)).text.strip()

    await said("systemctl is-system-running --wait")
    failed = await said("systemctl list-units --failed --plain --no-legend")
    record.note(f"failed units: {failed or 'none'}")
    record.measure("failed_units", len(failed.splitlines()), "units", high=0)
    record.measure("started_after", int(float(await said("cut -d' ' -f1 /proc/uptime"))), "s")
    record.require("root_is_read_only", (await shell.run("touch /usr/x", SLOW_S)).code != 0)
    record.measure("data_disk", int(await said("df --output=size -m /data | tail -1")), "MiB", low=400)
    record.measure("machine_id", len(await said("cat /etc/machine-id")), "digits", low=32, high=32)
    record.measure("passwords", int(await said("cut -d: -f2 /etc/shadow | grep -c '^[$]' || true")), "users", high=0)
    record.require("ssh_is_masked", await said("systemctl is-enabled ssh.service") == "masked")
    swaps = [line for line in (await said("cat /proc/swaps")).splitlines()[1:] if line]
    record.measure("swap_on_the_card", sum("zram" not in line for line in swaps), "disks", high=0)
    record.measure("swap_in_memory", sum("zram" in line for line in swaps), "disks", low=1)
    for slot in ("boot_a", "boot_b", "root_a", "root_b"):
        record.require(f"has_{slot}", (await shell.run(f"[ -b /dev/parcelworks/{slot} ]", SLOW_S)).code == 0)
    exposure = await said(f"systemd-analyze security --no-pager {AGENT} | tail -1 | grep -o '[0-9]*[.][0-9]'")
    record.measure("exposure_of_the_agent", round(float(exposure or "10") * 10), "tenths", high=WORST_EXPOSURE)
    version = await said("python3 -m edge --help | grep -c launch")
    record.measure("agent_answers", int(version or 0), "commands", low=1)
