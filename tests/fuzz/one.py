"""`python -m tests.fuzz.one NAME [libFuzzer options] CORPUS…`: one target under coverage guidance, until it falls."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["edge", "cloud_bridge", "firmware_sim", "tests.fuzz.targets"]):
    from tests.fuzz.targets import PLANTED, TARGETS


def main() -> None:
    name, *rest = sys.argv[1:]
    atheris.Setup([sys.argv[0], *rest], {**TARGETS, **PLANTED}[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
