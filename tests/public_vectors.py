"""Where the public test vectors lie; absent vectors are a failure in CI and a plain skip elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
VECTORS = Path(os.environ.get("PARCELWORKS_VECTORS", ROOT.parent / "shared" / "vectors"))


def vectors(*parts: str) -> Path:
    """Path of a vector file or folder."""
    path = VECTORS.joinpath(*parts)
    if not path.exists():
        message = f"no test vectors at {path}: set PARCELWORKS_VECTORS"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path
