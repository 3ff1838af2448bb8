"""What ingest says back to a device: sealed with the receipts key, except what other roles sign."""

from __future__ import annotations

from cloud_bridge.fleet.keys import CloudKeys
from cloud_bridge.fleet.model import Outgoing, Twin
from edge.wire.checkpoint import cosign
from edge.wire.envelope import Kind, seal, wrap
from edge.wire.messages import Desired, Refusal, Rewind, Secret, Welcome

_REMEDIES = {
    "rollback": "Begin a new stream after an operator has ended the quarantine.",
    "fork": "Begin a new stream after an operator has ended the quarantine.",
    "quarantined": "An operator must look at the device and end its quarantine.",
    "retired": "Enrol the device anew under another id.",
    "unknown_device": "Register the device with the provisioning export.",
    "gap_unproved": "Send the missing events, or the receipt that covers them.",
    "no_session": "Knock again.",
}


class Answers:
    """Makes the messages; holds no state."""

    def __init__(self, keys: CloudKeys) -> None:
        self._keys = keys

    def cosigned(self, checkpoint_note: bytes, now_ms: int) -> bytes:
        """The receipt's note: the device's checkpoint with the cloud's cosignature."""
        return cosign(checkpoint_note, now_ms // 1000, self._keys.receipt_name, self._keys.receipts)

    def receipt(self, device_id: str, note: bytes) -> Outgoing:
        return Outgoing(device_id, "down", wrap(Kind.RECEIPT, note))

    def rewind(self, device_id: str, stream: str, cursor: int, now_ms: int) -> Outgoing:
        body = Rewind(device_id, stream, cursor, now_ms).encode()
        return Outgoing(device_id, "down", seal(Kind.REWIND, body, self._keys.receipts))

    def refusal(self, device_id: str, code: str, detail: str, now_ms: int) -> Outgoing:
        body = Refusal(device_id, code, detail[:512], _REMEDIES.get(code, "Ask an operator."), now_ms).encode()
        return Outgoing(device_id, "down", seal(Kind.REFUSAL, body, self._keys.receipts))

    def welcome(self, device_id: str, nonce: bytes, stream: str, cursor: int, twin: Twin, now_ms: int) -> Outgoing:
        welcome = Welcome(
            device_id=device_id,
            nonce=nonce,
            at_ms=now_ms,
            stream=stream,
            cursor=cursor,
            desired_epoch=twin.epoch,
            desired_version=twin.version,
            desired_hash=twin.doc_sha256,
            bundle_version=self._keys.bundle.version,
        )
        return Outgoing(device_id, "down", seal(Kind.WELCOME, welcome.encode(), self._keys.receipts))

    def desired(self, twin: Twin) -> Outgoing:
        body = Desired(twin.device_id, twin.epoch, twin.version, twin.doc).encode()
        return Outgoing(twin.device_id, "desired", seal(Kind.DESIRED, body, self._keys.desired), retain=True)

    def secret(self, secret: Secret) -> Outgoing:
        return Outgoing(secret.device_id, "down", seal(Kind.SECRET, secret.encode(), self._keys.desired))

    def bundle(self, device_id: str) -> Outgoing:
        return Outgoing(device_id, "down", self._keys.sealed_bundle)
