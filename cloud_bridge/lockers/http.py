"""All routes of lockers, put together."""

from __future__ import annotations

from cloud_bridge.http.route import Route
from cloud_bridge.lockers import (
    courier_http,
    decision_http,
    drop_off_http,
    duty_http,
    installation_http,
    leaving_http,
    parcel_http,
    pickup_http,
    place_http,
)
from cloud_bridge.lockers.drop_offs import DropOffs
from cloud_bridge.lockers.opening import SendCommand
from cloud_bridge.lockers.passes import Passes
from cloud_bridge.lockers.pickup_http import PickupParts
from cloud_bridge.lockers.placing import Placing
from cloud_bridge.lockers.service import Lockers


def routes(
    lockers: Lockers, parts: PickupParts, passes: Passes, drop_offs: DropOffs, send_command: SendCommand
) -> tuple[Route, ...]:
    """`parts`: what recipients' pages work with; `send_command` signs and sends to a device."""
    return (
        *installation_http.routes(lockers),
        *place_http.routes(Placing(lockers)),
        *decision_http.routes(),
        *leaving_http.routes(lockers, parts.db, send_command),
        *parcel_http.routes(lockers, parts.paying),
        *drop_off_http.routes(drop_offs, parts.pickups, parts.public_url),
        *courier_http.routes(passes, parts.duties),
        *duty_http.routes(parts.duties),
        *pickup_http.routes(parts),
    )
