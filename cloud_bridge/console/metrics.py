"""`/metrics`, `/healthz`, `/readyz`."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from sqlalchemy import Connection, text

from cloud_bridge.access.model import Permission
from cloud_bridge.fleet import alarms
from cloud_bridge.http.route import Call, Model, Raw, Route
from cloud_bridge.ingest.service import Ingest
from cloud_bridge.ledger import store as ledger
from cloud_bridge.notify import store as outbox

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Health(Model):
    status: str


def routes(ingest: Ingest, followers: tuple[str, ...]) -> tuple[Route, ...]:
    """`followers`: names of the projections whose lag is shown."""

    def healthy(_call: Call, _conn: Connection) -> Health:
        return Health(status="ok")

    def ready(_call: Call, conn: Connection) -> Health:
        conn.execute(text("SELECT 1"))
        return Health(status="ready")

    def metrics(_call: Call, conn: Connection) -> Raw:
        registry = CollectorRegistry()
        _ingest_gauges(registry, ingest)
        last = ledger.last_position(conn)
        _gauge(registry, "pw_ledger_position", "Newest position of the ledger", {(): last})
        lags = {(name,): last - ledger.load_cursor(conn, name) for name in followers}
        _gauge(registry, "pw_follower_lag_events", "Positions not folded yet", lags, ("projection",))
        messages = {(state,): count for state, count in outbox.counts(conn).items()}
        _gauge(registry, "pw_notifications", "Messages by state", messages, ("state",))
        active = alarms.list_alarms(conn, limit=10_000)
        by_severity = {
            (name,): sum(row.severity.value == name for row in active) for name in ("critical", "warning", "info")
        }
        _gauge(registry, "pw_alarms_active", "Active alarms", by_severity, ("severity",))
        return Raw(generate_latest(registry), METRICS_TYPE)

    return (
        Route("GET", "/healthz", Permission.PUBLIC, healthy, "The process answers", "health", reply=Health),
        Route("GET", "/readyz", Permission.PUBLIC, ready, "The database answers", "health", reply=Health),
        Route("GET", "/metrics", Permission.METRICS_READ, metrics, "Prometheus metrics", "health",
              reply_type="text/plain"),
    )  # fmt: skip


def _ingest_gauges(registry: CollectorRegistry, ingest: Ingest) -> None:
    counters = ingest.counters
    _gauge(registry, "pw_ingest_messages_total", "Messages by outcome",
           {(name,): count for name, count in counters.outcomes.items()}, ("outcome",))  # fmt: skip
    _gauge(registry, "pw_ingest_dropped_total", "Messages dropped, by reason",
           {(name,): count for name, count in counters.dropped.items()}, ("reason",))  # fmt: skip
    totals = {
        "pw_ingest_events_total": counters.events_stored,
        "pw_ingest_events_set_apart_total": counters.events_set_apart,
        "pw_projection_faults_total": counters.projection_faults,
    }
    for name, count in totals.items():
        _gauge(registry, name, "Since the start of this process", {(): count})


def _gauge(
    registry: CollectorRegistry,
    name: str,
    meaning: str,
    values: dict[tuple[str, ...], int],
    labels: tuple[str, ...] = (),
) -> None:
    gauge = Gauge(name, meaning, labels, registry=registry)
    for label_values, value in values.items():
        (gauge.labels(*label_values) if labels else gauge).set(value)
