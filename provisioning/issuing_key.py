"""The key that issues every day: a file of the fleet folder, or a credential that systemd hands to the service."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath

from cryptography.hazmat.primitives.asymmetric import ec

from provisioning.authority import private_pem, read_key
from provisioning.storage import FleetFolder, read_credential


@dataclass(frozen=True, slots=True)
class IssuingKey:
    """`stored`: what stands in the folder's file for it."""

    private: ec.EllipticCurvePrivateKey = field(repr=False)
    stored: bytes = field(repr=False)

    @classmethod
    def new(cls) -> IssuingKey:
        """A fresh P-256 key, kept as a file."""
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
        return cls(read_key(stored, path), stored)
