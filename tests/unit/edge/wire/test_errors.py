"""Every wire error has a code of its own and stands in the reference page with every kind, role and claim."""

from __future__ import annotations

from edge.wire.envelope import Kind
from edge.wire.errors import WireError
from edge.wire.keys import Role
from edge.wire.pickup_claims import Operation
from edge.wire.topics import Channel
from tests.public_vectors import ROOT

PAGE = (ROOT / "docs" / "reference" / "wire.md").read_text()


def test_error_codes_are_distinct_and_documented() -> None:
    codes = [kind.code for kind in WireError.__subclasses__()]
    assert len(set(codes)) == len(codes)
    assert [code for code in codes if f"`{code}`" not in PAGE] == []


def test_error_says_what_where_and_what_helps() -> None:
    error = WireError("no", where="here")
    assert (str(error), error.what, error.where, error.retry) == ("here: no", "no", "here", "never")
    assert error.remedy
    assert WireError("no", remedy="Do this.").remedy == "Do this."


def test_reference_names_every_kind_role_operation_and_channel() -> None:
    names = [name.value for group in (Kind, Role, Operation, Channel) for name in group]
    assert [name for name in names if f"`{name}`" not in PAGE] == []
