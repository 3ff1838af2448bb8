"""amqtt as it is installed, with its own password file: `python -m tests.chaos.stock_broker PORT PASSWORD_FILE`."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import warnings

from amqtt.broker import Broker
from amqtt.plugins.authentication import BaseAuthPlugin, FileAuthPlugin
from amqtt.session import Session


class NoStrangers(BaseAuthPlugin):
    """The one thing the password file leaves open: a client that gives no name at all is let in."""

    async def authenticate(self, *, session: Session) -> bool | None:
        return bool(session.username)


async def serve(port: int, password_file: str) -> None:
    """Until it is killed; everything but the log-in is the stock broker's own."""
    plugins = {
        f"{FileAuthPlugin.__module__}.{FileAuthPlugin.__name__}": {"password_file": password_file},
        "tests.chaos.stock_broker.NoStrangers": {},
    }
    broker = Broker({"listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}}, "plugins": plugins})
    await broker.start()
    print(json.dumps({"ready": True, "port": port}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.getLogger("transitions").setLevel(logging.ERROR)
    logging.getLogger("amqtt").setLevel(logging.ERROR)
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2]))
