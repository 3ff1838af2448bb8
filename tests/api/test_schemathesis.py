"""Schemathesis over the served OpenAPI: generated calls, good and bad, never break what the document promises."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.bridge_world import bridge_world


@dataclass(slots=True)
class Served:
    url: str
    token: str


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """The bridge on a loop of its own, so that the synchronous client can call it."""
    ready, stop = threading.Event(), threading.Event()
    found: list[Served] = []

    async def serve() -> None:
        async with bridge_world() as world:
            for limiter in (world.bridge.server.limits.anonymous, world.bridge.server.limits.known):
                limiter._limit = type(limiter._limit)(100_000, 1_000_000)
            log = world.log()
            await world.session(log)
            await world.announce()
            await world.deposit(log)
            token = (await world.token())["Authorization"]
            found.append(Served(str(world.client.make_url("")).rstrip("/"), token))
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(20)
    yield found[0]
    stop.set()
    thread.join()


@pytest.fixture(scope="module")
def api(served: Served) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_url(f"{served.url}/openapi.json")


UNCALLED = ("/v1/sessions", "/v1/ingest", "/p/{link}")


def test_generated_calls_keep_to_the_document(api: schemathesis.BaseSchema, served: Served) -> None:
    called = 0
    for found in api.get_all_operations():
        operation = found.ok()
        if operation.path not in UNCALLED:
            call_generated(operation.as_strategy(), served)
            called += 1
    assert called >= 25


def call_generated(cases: SearchStrategy[schemathesis.Case], served: Served) -> None:
    @settings(max_examples=5, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(cases)
    def call(case: schemathesis.Case) -> None:
        case.call_and_validate(
            headers={"Authorization": served.token},
            checks=(not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance),
        )

    call()
