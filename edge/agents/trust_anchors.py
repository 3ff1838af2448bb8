"""The certificates by which TLS peers are known, taken out of the trust bundle into a file that TLS can read."""

from __future__ import annotations

import ssl

from edge.storage.document_file import DocumentFiles
from edge.wire.keys import TrustBundle

ANCHORS = "ca.pem"


def keep_anchors(documents: DocumentFiles, bundle: TrustBundle, at_ms: int) -> None:
    """Write those that are still trusted; a bundle that names none leaves the file as it is.

    Raises:
        StorageFull, StorageFailed: the former file still stands.
    """
    trusted = [ssl.DER_cert_to_PEM_cert(item.certificate) for item in bundle.anchors if at_ms < item.not_after_ms]
    if trusted:
        documents.save(ANCHORS, "".join(trusted).encode())
