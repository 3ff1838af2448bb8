"""Versions and the description of a release target."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire.errors import Malformed
from edge.wire.release import Release, ReleaseKind, parse_version, read_custom

CUSTOM: dict[str, Any] = {
    "product": "parcelworks-locker", "board": "rpi-arm64", "kind": "image", "version": "1.4.0",
    "files": {"root.img": "ab" * 32},
}  # fmt: skip
PATH = "parcelworks-locker/rpi-arm64/image/1.4.0.bundle"


def test_versions_are_ordered_by_number_and_candidates_stand_before_their_release() -> None:
    texts = ["0.9.0", "0.10.0", "1.0.0-rc.1", "1.0.0-rc.2", "1.0.0-rc.10", "1.0.0", "1.0.1", "2.0.0-rc.1"]
    versions = [parse_version(text) for text in texts]
    assert versions == sorted(versions) and [str(version) for version in versions] == texts


@pytest.mark.parametrize(
    "text", ["", "1", "1.0", "1.0.0.0", "v1.0.0", "01.0.0", "1.0.0-", "1.0.0-rc.0", "1.0.0-beta", "1.0.0\n", 1, None]
)
def test_text_that_is_no_version_is_refused(text: object) -> None:
    with pytest.raises(Malformed):
        parse_version(text)


def test_description_that_agrees_with_its_path_is_read() -> None:
    release = read_custom(PATH, CUSTOM)
    assert (release.path, release.kind, release.files) == (PATH, ReleaseKind.IMAGE, {"root.img": "ab" * 32})
    assert release.to_custom() == CUSTOM


@pytest.mark.parametrize(
    "changes",
    [
        {"product": "another"}, {"board": "rpi-armhf"}, {"kind": "agent"}, {"version": "1.4.1"}, {"product": ""},
        {"board": "a/b"}, {"kind": "x"}, {"version": None}, {"files": []}, {"files": {"../x": "ab" * 32}},
        {"files": {"root.img": "ab"}}, {"files": {"root.img": 1}},
    ],
    ids=lambda changes: "-".join(f"{key}_{value}" for key, value in changes.items())[:40].replace("/", "_"),
)  # fmt: skip
def test_description_that_says_another_thing_than_its_path_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as caught:
        read_custom(PATH, {**CUSTOM, **changes})
    assert caught.value.where == PATH


@settings(max_examples=50)
@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=8),
        lambda x: st.dictionaries(st.text(max_size=8), x, max_size=3),
        max_leaves=8,
    )
)
def test_description_of_any_shape_is_refused_with_a_typed_error(custom: object) -> None:
    with pytest.raises(Malformed):
        read_custom(PATH, custom)


@settings(max_examples=50)
@given(st.builds(Release, st.just("p"), st.just("b"), st.sampled_from(ReleaseKind), st.just(parse_version("1.2.3"))))
def test_description_written_and_read_is_the_same(release: Release) -> None:
    assert read_custom(release.path, release.to_custom()) == release
