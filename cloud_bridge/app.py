"""The one composition root of the service side: contexts, routes, workers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib.metadata import version

import structlog
from aiohttp import web

from cloud_bridge.access import http as access_http
from cloud_bridge.access.service import Access
from cloud_bridge.console import metrics, pages
from cloud_bridge.console.feed import Feed
from cloud_bridge.errors import CloudError, LinkDown
from cloud_bridge.fleet import http as fleet_http
from cloud_bridge.fleet import twins
from cloud_bridge.fleet.model import Outgoing
from cloud_bridge.fleet.projection import FleetProjection
from cloud_bridge.fleet.service import Fleet
from cloud_bridge.fleet.software_store import SoftwareProjection
from cloud_bridge.followers import Followers
from cloud_bridge.http.authenticate import Authenticator
from cloud_bridge.http.rate import RateLimit, RateLimiter
from cloud_bridge.http.route import Route
from cloud_bridge.http.server import Limits, Server
from cloud_bridge.ingest import http as ingest_http
from cloud_bridge.ingest.rejudge import Rejudging
from cloud_bridge.ingest.service import Ingest
from cloud_bridge.ingest.withheld import raise_withheld
from cloud_bridge.keyring import Keyring
from cloud_bridge.ledger import http as ledger_http
from cloud_bridge.ledger.service import Ledger
from cloud_bridge.ledger.transparency import FleetLog
from cloud_bridge.letters import letter_lookup
from cloud_bridge.locker_parts import locker_parts
from cloud_bridge.lockers.custody_store import CustodyProjection
from cloud_bridge.lockers.deadlines import Deadlines
from cloud_bridge.lockers.paying import Paying
from cloud_bridge.lockers.pickups import Pickups
from cloud_bridge.lockers.service import Lockers
from cloud_bridge.notify import http as notify_http
from cloud_bridge.notify import webhook_http
from cloud_bridge.notify.channels import Senders
from cloud_bridge.notify.worker import NotifyWorker
from cloud_bridge.ports import Clock, Random
from cloud_bridge.rollouts import http as rollouts_http
from cloud_bridge.rollouts.service import Rollouts
from cloud_bridge.settings import Settings
from cloud_bridge.storage.engine import Database

logger = structlog.get_logger("bridge")
Publish = Callable[[Outgoing], Awaitable[None]]
_TICK_S = 1.0
_PAUSE_S = 0.03  # what is committed meanwhile shares the next look


class Outlet:
    """Where messages for devices leave; plugged to the broker once it is connected."""

    def __init__(self) -> None:
        self.publish_to: Publish | None = None

    async def publish(self, message: Outgoing) -> None:
        if self.publish_to is None:
            raise LinkDown("no broker is configured", where=message.device_id, remedy="Set [mqtt].")
        await self.publish_to(message)


@dataclass(slots=True)
class Bridge:
    """The composed service side. `tick` does all due background work once; `run` does it for ever."""

    db: Database
    clock: Clock
    access: Access
    ingest: Ingest
    fleet: Fleet
    lockers: Lockers
    pickups: Pickups
    followers: Followers
    notify: NotifyWorker
    feed: Feed
    outlet: Outlet
    server: Server
    fleet_log: FleetLog
    rejudging: Rejudging
    deadlines: Deadlines
    paying: Paying
    rollouts: Rollouts
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def application(self) -> web.Application:
        app = self.server.application()

        async def close(_app: web.Application) -> None:
            await self.feed.close()

        app.on_shutdown.append(close)
        return app

    def wake(self) -> None:
        """Something was committed: followers and feeds look again."""
        self.news.set()
        self.feed.wake()

    async def tick(self) -> None:
        """All background work that is due."""
        now_ms = self.clock.now_ms()
        await self.followers.run_once()
        await self.db.write(lambda conn: self.deadlines.run(conn, now_ms))
        await self.db.write(lambda conn: raise_withheld(conn, now_ms))
        await self.db.write(lambda conn: self.rollouts.run(conn, now_ms))
        await self.paying.finish_pending()
        await self.fleet_log.append_new()
        await self._react()

    async def _react(self) -> None:
        """What somebody waits for after a commit."""
        await self.notify.run_once()
        if self.outlet.publish_to is not None:
            await self.fleet.push_desired()

    async def _react_to_news(self) -> None:
        await self.followers.run_once()
        await self._react()

    async def run(self) -> None:
        """The runtime loop of background work: a fault is logged and the work is tried again."""
        loop, due_s = asyncio.get_running_loop(), 0.0
        await self._guarded(self.rejudging.run)
        while True:
            self.news.clear()
            if loop.time() >= due_s:
                due_s = loop.time() + _TICK_S
                await self._guarded(self.tick)
            else:
                await self._guarded(self._react_to_news)
            await asyncio.sleep(_PAUSE_S)
            try:
                async with asyncio.timeout_at(due_s):
                    await self.news.wait()
            except TimeoutError:
                continue

    @staticmethod
    async def _guarded(work: Callable[[], Awaitable[object]]) -> None:
        try:
            await work()
        except CloudError as error:
            logger.warning("background work failed", error=str(error), code=error.code)
        except Exception:
            logger.exception("background work failed")


def wake_all(sleepers: list[Callable[[], None]]) -> None:
    for wake in sleepers:
        wake()


def compose(
    db: Database, keyring: Keyring, settings: Settings, clock: Clock, random: Random, senders: Senders
) -> Bridge:
    """Everything, wired; nothing runs yet and the database is prepared by the caller."""
    access, outlet, feed = Access(random), Outlet(), Feed(db)
    fleet = Fleet(db, keyring.cloud, clock, random, outlet.publish)
    parts = locker_parts(db, keyring, settings, clock, random, fleet)
    woken: list[Callable[[], None]] = []
    projections = (CustodyProjection(), FleetProjection(), SoftwareProjection(), parts.restoration)
    rollouts = Rollouts(random, twins.desired_doc, twins.set_desired)
    ingest = Ingest(db, keyring.cloud, clock, random, projections, on_commit=lambda: wake_all(woken))
    cloud = keyring.cloud
    ledger = Ledger(db, cloud.fleet, cloud.receipt_name, cloud.receipt_publics)
    fleet_log = FleetLog(db, cloud.fleet, cloud.receipts)
    authenticator = Authenticator(access, parts.pickups.holder, settings.public_url, settings.trust_proxy_cn)
    routes: tuple[Route, ...] = (
        *access_http.routes(access, settings.public_url),
        *fleet_http.routes(fleet, db),
        *rollouts_http.routes(rollouts),
        *parts.routes(fleet),
        *notify_http.routes(),
        *webhook_http.routes(keyring.link_key, random),
        *ledger_http.routes(ledger, fleet_log, db),
        *ingest_http.routes(ingest),
        *feed.routes(),
        *metrics.routes(ingest, (parts.reactions.name,)),
        *pages.routes(parts.pages),
    )
    limits = Limits(RateLimiter(RateLimit(120, 240)), RateLimiter(RateLimit(600, 3000)))
    server = Server(routes, db, clock, random, authenticator, limits, version("parcelworks"))
    bridge = Bridge(
        db, clock, access, ingest, fleet, parts.lockers, parts.pickups, Followers(db, clock, (parts.reactions,)),
        NotifyWorker(db, clock, senders, letter_lookup(parts.lockers, parts.pickups, settings.public_url)), feed,
        outlet, server, fleet_log, Rejudging(db, cloud.fleet, clock, projections, (parts.reactions,)),
        parts.deadlines, parts.pages.paying, rollouts,
    )  # fmt: skip
    woken.append(bridge.wake)
    return bridge
