"""The key that issues every day: a file of the fleet folder, a credential of the service, or a key inside a token."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath

from cryptography.hazmat.primitives.asymmetric import ec

from provisioning.authority import private_pem, read_key
from provisioning.storage import FleetFolder, read_credential
from provisioning.token import SCHEME, TokenAddress, make_key, open_key


@dataclass(frozen=True, slots=True)
class IssuingKey:
    """`stored`: what stands in the folder's file for it; for a key in a token its address (RFC 7512)."""

    private: ec.EllipticCurvePrivateKey = field(repr=False)
    stored: bytes = field(repr=False)

    @classmethod
    def new(cls, address: str | None = None) -> IssuingKey:
        """A fresh P-256 key, kept as a file, or made inside the token of that address.

        Raises:
            Refused, NotFound, StorageFailed: the address is wrong, or the token says no.
        """
        if address is not None:
            return cls(make_key(TokenAddress.parse(address)), address.strip().encode() + b"\n")
        private = ec.generate_private_key(ec.SECP256R1())
        return cls(private, private_pem(private))

    @classmethod
    def load(cls, folder: FleetFolder, path: str) -> IssuingKey:
        """The key of that file; a credential `ca-issuing.key` (or `ca-<number>-issuing.key`) takes its place.

        Raises:
            NotFound: there is neither.
            Unsafe: other users can read the file.
            StorageFailed: it is damaged.
        """
        credential = read_credential("-".join(PurePosixPath(path).parts))
        stored = folder.read(path) if credential is None else credential
        if stored.startswith(SCHEME.encode()):
            return cls(open_key(TokenAddress.parse(stored.decode("ascii", "replace"))), stored)
        return cls(read_key(stored, path), stored)
