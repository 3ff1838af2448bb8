"""What the trust bundle says of the certificate authority becomes a file that TLS reads."""

from __future__ import annotations

import ssl
from dataclasses import replace
from pathlib import Path

from edge.agents.trust_anchors import ANCHORS, keep_anchors
from edge.storage.document_file import DocumentFiles
from edge.wire.keys import TrustAnchor
from tests.fleets import make_fleet

BUNDLE = replace(make_fleet(1).bundle, anchors=(TrustAnchor(b"old", 1000), TrustAnchor(b"new", 2000)))


def kept(documents: DocumentFiles) -> list[bytes]:
    blocks = (documents.load(ANCHORS) or b"").decode().split("-----BEGIN")[1:]
    return [ssl.PEM_cert_to_DER_cert(f"-----BEGIN{block}") for block in blocks]


def test_anchors_are_kept_until_their_day(tmp_path: Path) -> None:
    documents = DocumentFiles(tmp_path)
    keep_anchors(documents, BUNDLE, 999)
    assert kept(documents) == [b"old", b"new"]
    keep_anchors(documents, BUNDLE, 1000)
    assert kept(documents) == [b"new"]


def test_bundle_without_anchors_leaves_the_former_ones(tmp_path: Path) -> None:
    documents = DocumentFiles(tmp_path)
    keep_anchors(documents, BUNDLE, 0)
    keep_anchors(documents, make_fleet(1).bundle, 0)
    assert kept(documents) == [b"old", b"new"]
