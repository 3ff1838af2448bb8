"""Every table of the service side, by importing every context's store; for migrations and their tests."""

from __future__ import annotations

import importlib
import pkgutil

import cloud_bridge
from cloud_bridge.storage.schema import metadata

__all__ = ["load_tables"]


def load_tables() -> None:
    """Import each context's `store` and `tables` modules, and the fleet-wide log, so that `metadata` is complete."""
    for context in pkgutil.iter_modules(cloud_bridge.__path__, "cloud_bridge."):
        if not context.ispkg:
            continue
        package = importlib.import_module(context.name)
        for module in pkgutil.iter_modules(package.__path__, f"{context.name}."):
            if module.name.endswith(("store", ".tables", ".transparency", ".idempotency")):
                importlib.import_module(module.name)
    assert metadata.tables
