"""The power-cut harness: the shipped event log over a modelled disk that loses and tears what was not synced."""
