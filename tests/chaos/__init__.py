"""Chaos: real devices, broker and bridge under connection resets and SIGKILL; no event may be lost or doubled."""
