"""The same envelopes as over MQTT, one a request, where MQTT is blocked. Answers come back in the response."""

from __future__ import annotations

import cbor2

from cloud_bridge.access.model import Permission
from cloud_bridge.http.route import Call, Raw, Route
from cloud_bridge.ingest.service import Ingest
from edge.wire.envelope import MAX_ENVELOPE_BYTES

CBOR = "application/cbor"


def routes(ingest: Ingest) -> tuple[Route, ...]:
    async def receive(call: Call) -> Raw:
        """The reply: CBOR list of `[channel, envelope]`, all for the caller."""
        device_id = call.principal.actor
        answers = await ingest.receive(device_id, "up", call.body)
        own = [[item.channel, item.payload] for item in answers if item.device_id == device_id]
        return Raw(cbor2.dumps(own), CBOR)

    return (
        Route("POST", "/v1/ingest", Permission.INGEST, receive, "A device's envelope", "ingest", "serve",
              accepts=(CBOR,), reply_type=CBOR, max_body_bytes=MAX_ENVELOPE_BYTES),
    )  # fmt: skip
