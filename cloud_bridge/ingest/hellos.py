"""Hellos: a knock is welcomed with a fresh nonce, the answer to it is judged."""

from __future__ import annotations

from sqlalchemy import Connection

from cloud_bridge.fleet import alarms, secrets, twins
from cloud_bridge.fleet import store as fleet_store
from cloud_bridge.fleet.keys import CloudKeys
from cloud_bridge.fleet.model import Device, DeviceState, Outgoing, Session, Severity
from cloud_bridge.ingest.answers import Answers
from cloud_bridge.ingest.decide import MISMATCHES_BEFORE_RESEND, Contradiction, Drop, Sender
from cloud_bridge.ingest.heads import Heads
from cloud_bridge.ingest.judge_hello import Adopt, GoOn, Ignore, Known, Unproved, judge_hello
from cloud_bridge.ingest.quarantine import quarantine_device
from cloud_bridge.ledger import gaps as ledger_gaps
from cloud_bridge.ledger import store as ledger
from cloud_bridge.ledger.model import Gap, StreamHead
from cloud_bridge.ports import Clock, Random
from cloud_bridge.storage.engine import Database
from edge.wire.merkle import EMPTY_ROOT
from edge.wire.messages import NONCE_BYTES, Hello

PIN_KINDS = frozenset({"locker"})


Answer = list[Outgoing] | Drop


class HelloIntake:
    """Opens sessions and judges heads; each hello is one transaction, which looks at the registry itself."""

    def __init__(
        self, db: Database, keys: CloudKeys, answers: Answers, clock: Clock, heads: Heads, random: Random
    ) -> None:
        self._db = db
        self._keys = keys
        self._answers = answers
        self._clock = clock
        self._heads = heads
        self._random = random

    async def receive(self, sender: Sender, hello: Hello) -> Answer:
        """Answer an authentic hello of this device."""
        if hello.device_id != sender.device_id or hello.fleet != sender.fleet:
            return Drop("foreign", f"a hello of {hello.fleet}/{hello.device_id}")
        now_ms, nonce = self._clock.now_ms(), self._random.token(NONCE_BYTES)

        def answer(conn: Connection) -> tuple[Answer, StreamHead | None]:
            device = fleet_store.load_device(conn, sender.device_id)
            if device is None:
                return [self._refuse(sender.device_id, "unknown_device", "this device is not in the registry")], None
            if device.state is not DeviceState.ACTIVE:
                return [self._refuse(device.device_id, device.state.value, device.state_reason)], None
            head = ledger.load_head(conn, device.device_id, hello.stream)
            if hello.nonce:
                return self._judge(conn, device, sender, hello, head)
            return self._welcome(conn, device, hello, head, nonce, now_ms), head

        answered, head = await self._db.write_grouped(answer)
        if head is None:
            self._heads.forget(sender.device_id, hello.stream)
        else:
            self._heads.remember(head)
        return answered

    def _welcome(self, conn: Connection, device: Device, hello: Hello, head: StreamHead | None, nonce: bytes,
                 now_ms: int) -> list[Outgoing]:  # fmt: skip
        cursor = 0 if head is None else head.cursor
        root = EMPTY_ROOT if head is None else head.frontier.root()
        offered, seen = (read(conn, device.device_id) for read in (fleet_store.load_session, fleet_store.load_presence))
        if offered is not None and offered.is_open_offer(hello.stream, cursor, root, seen, now_ms):
            nonce = offered.pending
        else:
            fleet_store.offer_session(conn, device.device_id, nonce, hello.stream, cursor, root, now_ms)
        fleet_store.mark_seen(conn, device.device_id, now_ms, hello.agent)
        if device.kind in PIN_KINDS:
            secrets.ensure_pin_key(conn, device.device_id, self._random, now_ms)
        if head is not None and head.mismatches >= MISMATCHES_BEFORE_RESEND:
            cursor = max(head.base_size, min(cursor, hello.base_size))
        twin = twins.load_twin(conn, device.device_id)
        return [self._answers.welcome(device.device_id, nonce, hello.stream, cursor, twin, now_ms)]

    def _judge(self, conn: Connection, device: Device, sender: Sender, hello: Hello,
               head: StreamHead | None) -> tuple[Answer, StreamHead | None]:  # fmt: skip
        """The answer, and the stream's head as it is now (None: to be looked up)."""
        now_ms = self._clock.now_ms()
        session = fleet_store.load_session(conn, device.device_id)
        if session is None or not (session.pending or session.nonce):
            return [self._refuse(device.device_id, "no_session", "no welcome was sent")], head
        if hello.nonce != session.pending or hello.stream != session.welcome_stream:
            return Drop("stale_hello", "not the nonce of the newest welcome"), head
        known = Known(session.welcome_cursor, session.welcome_root, 0 if head is None else head.cursor)
        judgement = judge_hello(hello, sender, known, self._keys.receipt_name, self._keys.receipt_publics)
        match judgement:
            case Ignore():
                return Drop(judgement.code, judgement.detail), head
            case Contradiction():
                quarantine_device(conn, device.device_id, judgement.kind, judgement.detail, now_ms)
                return [self._refuse(device.device_id, judgement.kind, judgement.detail)], None
            case Unproved():
                return self._unproved(conn, device.device_id, hello, judgement, known, now_ms), head
        fleet_store.confirm_session(conn, session, now_ms)
        if head is None:
            head = ledger.open_stream(conn, device.device_id, hello.stream, now_ms)
        ledger.announce_head(conn, head, judgement.head.size, now_ms)
        first = self._settle_cursor(conn, head, hello, judgement, session, now_ms)
        moved = None if isinstance(judgement, Adopt) else head
        return first + self._bring_up_to_date(conn, device, hello), moved

    def _settle_cursor(self, conn: Connection, head: StreamHead, hello: Hello, judgement: GoOn | Adopt,
                       session: Session, now_ms: int) -> list[Outgoing]:  # fmt: skip
        """Where the device, which waits for a word when the welcome's cursor was outside its log, is to go on."""
        device_id, stream = head.device_id, head.stream
        alarms.clear_alarm(conn, device_id, "gap_unproved", at_ms=now_ms, subject=stream)
        if isinstance(judgement, Adopt):
            proof = judgement.receipt
            proved = now_ms if proof.size == judgement.base.size else None
            gap = Gap(device_id, stream, head.cursor, judgement.base.size, "cloud_restored", now_ms, proof.size,
                      proof.root, proved)  # fmt: skip
            ledger_gaps.record_gap(conn, gap)
            ledger.adopt_base(conn, head, judgement.base, now_ms)
            alarms.raise_alarm(conn, device_id, "cloud_restored", at_ms=now_ms, subject=stream,
                               detail=f"events {gap.first} to {gap.end - 1} are not held any more",
                               severity=Severity.CRITICAL)  # fmt: skip
            return [self._answers.rewind(device_id, stream, judgement.base.size, now_ms)]
        if judgement.lost:
            alarms.raise_alarm(conn, device_id, "cloud_restored", at_ms=now_ms, subject=stream,
                               detail=f"receipted events from {head.cursor} on are sent again")  # fmt: skip
        if hello.base_size > session.welcome_cursor:
            return [self._answers.rewind(device_id, stream, head.cursor, now_ms)]
        return []

    def _unproved(self, conn: Connection, device_id: str, hello: Hello, judgement: Unproved, known: Known,
                  now_ms: int) -> list[Outgoing]:  # fmt: skip
        detail = f"events {known.cursor} to {judgement.base_size - 1} are held by nobody, and no receipt covers them"
        alarms.raise_alarm(conn, device_id, "gap_unproved", at_ms=now_ms, subject=hello.stream, detail=detail,
                           severity=Severity.CRITICAL)  # fmt: skip
        return [self._refuse(device_id, "gap_unproved", detail)]

    def _bring_up_to_date(self, conn: Connection, device: Device, hello: Hello) -> list[Outgoing]:
        messages = [self._answers.bundle(device.device_id)]
        messages += [self._answers.secret(secret) for secret in secrets.unconfirmed(conn, device)]
        twin = twins.raise_epoch(conn, device.device_id, hello.desired_epoch, hello.desired_version)
        if twin.version and (twin.epoch, twin.version) != (hello.desired_epoch, hello.desired_version):
            twins.mark_pushed(conn, twin)
            messages.append(self._answers.desired(twin))
        return messages

    def _refuse(self, device_id: str, code: str, detail: str) -> Outgoing:
        return self._answers.refusal(device_id, code, detail or f"this device is {code}", self._clock.now_ms())
