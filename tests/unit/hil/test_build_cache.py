"""Parts that are built once, and what is said when a tool or a right is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.build_cache import cached, execute, key_of, need_tools
from hil.errors import BuildFailed, ToolMissing
from hil.uml.kernel import check_options


def test_cached_part_is_built_once_for_a_key(tmp_path: Path) -> None:
    built: list[Path] = []

    def build(target: Path) -> None:
        built.append(target)
        (target / "part").write_text("x")

    first = cached("kernel", key_of((b"a",)), build, tmp_path)
    assert cached("kernel", key_of((b"a",)), build, tmp_path) == first
    assert cached("kernel", key_of((b"b",)), build, tmp_path) != first
    assert len(built) == 2 and (first / "part").read_text() == "x"


def test_cached_part_whose_build_breaks_off_is_built_again(tmp_path: Path) -> None:
    def breaks(target: Path) -> None:
        (target / "half").write_text("x")
        raise BuildFailed("no space")

    with pytest.raises(BuildFailed):
        cached("kernel", "k", breaks, tmp_path)
    assert not list(cached("kernel", "k", lambda target: None, tmp_path).iterdir())


def test_key_knows_where_one_input_ends() -> None:
    assert key_of((b"ab", b"c")) != key_of((b"a", b"bc"))


def test_tool_that_is_missing_is_named_with_its_package() -> None:
    with pytest.raises(ToolMissing, match="no-such-tool") as missing:
        need_tools({"sh": "dash", "no-such-tool": "its-package"})
    assert missing.value.remedy == "apt-get install its-package"
    with pytest.raises(ToolMissing, match="no-such-tool"):
        execute(["no-such-tool"])


def test_build_step_that_fails_quotes_its_last_words() -> None:
    with pytest.raises(BuildFailed, match="ended with 3") as failed:
        execute(["sh", "-c", "echo the reason >&2; exit 3"])
    assert "the reason" in failed.value.remedy


def test_kernel_option_that_was_dropped_is_named() -> None:
    check_options("# words\nCONFIG_A=y\n", "CONFIG_A=y\nCONFIG_B=m\n")
    with pytest.raises(BuildFailed) as failed:
        check_options("CONFIG_A=y\nCONFIG_GPIO_SIM=y\n", "CONFIG_A=y\n# CONFIG_GPIO_SIM is not set\n")
    assert failed.value.remedy == "CONFIG_GPIO_SIM=y"
