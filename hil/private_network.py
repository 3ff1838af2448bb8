"""A network namespace of the run's own with a TAP device in it: nothing of the host's network is touched."""

from __future__ import annotations

import asyncio
import ctypes
import os
from pathlib import Path

from hil.build_cache import execute, need_tools
from hil.errors import ToolMissing
from hil.rig_file import Network

_CLONE_NEWNET = 0x40000000
TAP = "rig0"
_PREFIX = 24


class TapNetwork:
    """`hil.protocols.Cable`: between the device's TAP and this process, which moves into the namespace for good."""

    def __init__(self, network: Network) -> None:
        self._network = network

    @property
    def host_address(self) -> str:
        return self._network.host_address

    @property
    def device_address(self) -> str:
        """With its prefix, as a guest's command line wants it."""
        return f"{self._network.device_address}/{_PREFIX}"

    def open(self) -> None:
        """Move this process into a fresh namespace and make the TAP; all children live there too.

        Raises:
            ToolMissing: not permitted, or no TUN/TAP on this machine.
        """
        need_tools({"ip": "iproute2"})
        if os.geteuid() != 0 or ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
            raise ToolMissing("no network namespace", remedy="Run as root, or strike `network` from the rig file.")
        if not Path("/dev/net/tun").exists():
            raise ToolMissing("no /dev/net/tun", remedy="modprobe tun, or strike `network` from the rig file.")
        execute(["ip", "link", "set", "lo", "up"])
        execute(["ip", "tuntap", "add", TAP, "mode", "tap"])
        execute(["ip", "address", "add", f"{self.host_address}/{_PREFIX}", "dev", TAP])
        execute(["ip", "link", "set", TAP, "up"])

    async def pull(self) -> None:
        await asyncio.to_thread(execute, ["ip", "link", "set", TAP, "down"])

    async def plug(self) -> None:
        await asyncio.to_thread(execute, ["ip", "link", "set", TAP, "up"])
