"""The device's half of the sync protocol, as pure values: docs/reference/wire.md, Sync."""
