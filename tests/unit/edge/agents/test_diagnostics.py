"""Diagnostic lines never stop what they are about."""

from __future__ import annotations

import contextlib
import io
import os

from edge.agents.diagnostics import LossyStream


def test_stream_that_was_closed_drops_lines_and_counts_them() -> None:
    stream = io.StringIO()
    lossy = LossyStream(stream)
    assert lossy.write("kept") == 4 and stream.getvalue() == "kept"
    stream.close()
    lossy.write("lost")
    lossy.flush()
    assert lossy.dropped >= 1


def test_stream_onto_a_full_disk_drops_lines_and_counts_them() -> None:
    handle = os.open("/dev/full", os.O_WRONLY)
    full = io.TextIOWrapper(io.FileIO(handle, "w"), write_through=True)
    lossy = LossyStream(full)
    lossy.write("lost\n")
    assert lossy.dropped == 1
    with contextlib.suppress(OSError):
        full.close()
