"""What happened? Append-only events, receipts, replay, audit bundles, the fleet-wide log."""
