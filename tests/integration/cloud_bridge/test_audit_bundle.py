"""A stranger's check of an exported bundle: the auditor's script and OpenSSL, nothing of ours."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from cloud_bridge.ledger.service import Ledger
from tests.cloud_world import device_log, make_world

SCRIPT = Path(__file__).parents[3] / "docs" / "audit" / "verify_bundle.py"


@pytest.mark.parametrize("tamper", [False, True], ids=["as_exported", "one_event_changed"])
async def test_exported_bundle_convinces_the_auditors_script_only_when_untouched(tmp_path: Path, tamper: bool) -> None:
    world = await make_world()
    log = device_log(world).fill(12)
    for first in range(0, 12, 4):
        await world.send("locker-0001", log.batch(first, first + 4))
    ledger = Ledger(world.db, world.fleet.name, world.keys.receipt_name, world.keys.receipt_publics)
    bundle = json.loads(await ledger.audit_bundle("locker-0001", log.stream, log.device.log_public, first=2))
    if tamper:
        bundle["events"][3] = bundle["events"][4]
    file = tmp_path / "bundle.json"
    file.write_text(json.dumps(bundle))
    command = [sys.executable, str(SCRIPT), str(file)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
    assert done.returncode == (1 if tamper else 0), done.stderr
