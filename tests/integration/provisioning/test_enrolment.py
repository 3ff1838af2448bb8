"""A blank card becomes a device over EST: pw-edge on one side, pw-provision on the other, TLS between them."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge.__main__ import app
from edge.agents.enrolment import Enrolled, enrol
from edge.agents.renewal import Renewal
from edge.config import load_config
from edge.errors import ConfigError, EnrolmentRefused, LinkDown
from edge.storage.key_file import KeyFile
from edge.wire.enrolment import DeviceKind
from tests.integration.brokers import free_port
from tests.integration.provisioning.est_world import DAY_MS, FLEET, EstWorld, est_world

STEPS = ("keys", "certified", "certificate", "trust", "configuration", "claim")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EstWorld]:
    with est_world(tmp_path_factory.mktemp("est")) as made:
        yield made


def run(card: Path, serial: str, on_step: Callable[[str], None] = lambda step: None) -> Enrolled:
    return asyncio.run(enrol(card / "claim.json", card / "data", serial, on_step))


def renewal(card: Path) -> Renewal:
    config = load_config(card / "data" / "locker.toml")
    return Renewal(config, KeyFile(config.keys_dir, config.device_id))


def test_card_enrols_and_its_claim_is_gone(world: EstWorld) -> None:
    world.approve("1000aa01")
    card = world.card()
    secret = json.loads((card / "claim.json").read_text())["secret"]
    (card / "device.toml").write_text("[screen]\nport = 9000\n[gpio]\nlamp = []\n")
    done = run(card, "1000AA01".lower())
    config = load_config(card / "data" / "locker.toml")
    assert done.device_id == config.device_id == "locker-1000aa01"
    assert (config.fleet, config.mqtt.host, config.screen.port) == (FLEET, "broker.example", 9000)
    assert config.enrolment is not None and config.enrolment.url == world.url
    assert not (card / "claim.json").exists()
    left = b"".join(path.read_bytes() for path in card.rglob("*") if path.is_file())
    assert secret.encode() not in left
    assert world.fleet.party("locker-1000aa01").state == "active"
    assert run(card, "1000aa01") == Enrolled(done.device_id, done.not_after_ms, changed=False)


@pytest.mark.parametrize("step", STEPS)
def test_card_killed_after_any_step_enrols_at_its_next_start_and_counts_once(world: EstWorld, step: str) -> None:
    serial = f"1000bb0{STEPS.index(step)}"
    card = world.card(any_serial=True)
    child = os.fork()
    if child == 0:
        try:
            run(card, serial, lambda done: os.kill(os.getpid(), signal.SIGKILL) if done == step else None)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert (card / "claim.json").exists() == (step != "claim")
    assert run(card, serial).device_id == f"locker-{serial}"
    assert not (card / "claim.json").exists()
    counts = [claim["used_by"] for claim in world.claims().values() if f"locker-{serial}" in claim["used_by"]]
    assert counts == [[f"locker-{serial}"]]
    assert renewal(card).life() is not None


def test_claim_enrols_no_more_devices_than_it_may_even_when_they_come_at_once(world: EstWorld) -> None:
    first = world.card(count=2, any_serial=True)
    cards = [first, *(Path(shutil.copytree(first, world.folder / f"copy-{n}")) for n in range(3))]

    async def one(card: Path, serial: str) -> bool:
        try:
            await enrol(card / "claim.json", card / "data", serial, lambda step: None)
        except EnrolmentRefused as error:
            assert "2 devices" in error.what and (card / "claim.json").exists()
            return False
        return True

    async def together() -> list[bool]:
        return await asyncio.gather(*(one(card, f"1000cc0{number}") for number, card in enumerate(cards)))

    assert sorted(asyncio.run(together())) == [False, False, True, True]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda world, card: world.cli("claims", "revoke", claim_of(card)["claim_id"]), "revoked"),
        (lambda world, card: change(card, secret="0" * 64), "no such claim"),
        (lambda world, card: change(card, claim_id="ab" * 8), "no such claim"),
        (lambda world, card: change(card, device_kind="handheld"), "for a locker"),
        (lambda world, card: change(card, root_public="0" * 64), "signed by key"),
        (lambda world, card: None, "approval list"),
    ],
    ids=["revoked", "wrong-secret", "unknown", "other-kind", "other-root", "not-approved"],
)
def test_card_that_may_not_enrol_is_refused_and_keeps_its_claim(
    world: EstWorld, spoil: Callable[[EstWorld, Path], None], message: str
) -> None:
    card = world.card(any_serial=message not in ("approval list",))
    spoil(world, card)
    with pytest.raises(EnrolmentRefused, match=message) as caught:
        run(card, "1000dd01" if message != "signed by key" else "1000dd02")
    assert caught.value.remedy and (card / "claim.json").exists()
    assert not (card / "data" / "locker.toml").exists()


def claim_of(card: Path) -> dict[str, str]:
    return json.loads((card / "claim.json").read_text())


def change(card: Path, **members: str) -> None:
    (card / "claim.json").write_text(json.dumps({**claim_of(card), **members}))


@pytest.mark.parametrize(
    "answers",
    ["[mqtt]\nport = 1\n", "colour = 1\n", "[[", '[[bus]]\nport = "x"\n'],
    ids=["second-table", "unknown-key", "no-toml", "no-board"],
)
def test_wrong_answers_of_the_installer_are_told_before_the_claim_is_used(world: EstWorld, answers: str) -> None:
    card = world.card(any_serial=True)
    (card / "device.toml").write_text(answers)
    with pytest.raises(ConfigError) as caught:
        run(card, "1000dd03")
    assert caught.value.remedy and world.claims()[claim_of(card)["claim_id"]]["used_by"] == []


def test_copied_card_with_other_keys_is_refused_until_an_operator_allows_it_once(world: EstWorld) -> None:
    first, second = world.card(any_serial=True), world.card(any_serial=True)
    run(first, "1000ee01")
    with pytest.raises(EnrolmentRefused, match="other keys"):
        run(second, "1000ee01")
    world.cli("approvals", "allow", "locker-1000ee01", "--for", "replacement")
    run(second, "1000ee01")
    with pytest.raises(EnrolmentRefused, match="revoked"):
        asyncio.run(renewal(first).renew())
    with pytest.raises(EnrolmentRefused):
        run(world.card(any_serial=True), "1000ee01")


def test_server_of_another_authority_is_not_trusted_and_nobody_answering_is_offline(world: EstWorld) -> None:
    card = world.card(any_serial=True, url=f"https://127.0.0.1:{free_port()}/.well-known/est")
    with pytest.raises(LinkDown):
        run(card, "1000ff01")
    other = EstWorld(world.folder / "other-fleet")
    card = world.card(any_serial=True)
    change(card, est_ca_pem=(other.folder / "ca.pem").read_text())
    with pytest.raises(LinkDown, match=r"(?i)certificate"):
        run(card, "1000ff02")


@pytest.mark.parametrize("content", ["", "{}", '{"v": 2}', "\x00" * 100, "[" * 1000])
def test_claim_file_that_is_none_is_a_configuration_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "claim.json").write_text(content)
    with pytest.raises(ConfigError) as caught:
        run(tmp_path, "1000ab01")
    assert caught.value.remedy and (tmp_path / "claim.json").exists()


def test_device_renews_with_its_certificate_and_a_revoked_one_does_not(world: EstWorld) -> None:
    card = world.card(any_serial=True)
    device_id = run(card, "1000ac01").device_id
    before = (card / "data/keys/tls.pem").read_bytes()
    assert asyncio.run(renewal(card).renew()) == renewal(card).life()
    assert (card / "data/keys/tls.pem").read_bytes() == before, "not due: the same certificate"
    world.place.apply(world.fleet.rotate_authority(200, world.now_ms).writes)
    asyncio.run(renewal(card).renew())
    assert (card / "data/keys/tls.pem").read_bytes() != before
    world.cli("revoke", device_id, "--reason", "stolen")
    with pytest.raises(EnrolmentRefused, match="revoked"):
        asyncio.run(renewal(card).renew())


def test_device_expired_13_months_ago_comes_back_by_its_old_key_when_an_operator_allows_it(world: EstWorld) -> None:
    device_id = "locker-1000ad01"
    card = world.card(any_serial=True)
    run(card, "1000ad01")
    keys = KeyFile(card / "data/keys", device_id)
    long_ago_ms = world.now_ms - (395 + 90) * DAY_MS
    expire(world, keys, long_ago_ms)
    life = renewal(card).life()
    assert life is not None and life.not_after_ms < world.now_ms - 394 * DAY_MS
    with pytest.raises(EnrolmentRefused, match="nobody has allowed its renewal") as caught:
        asyncio.run(renewal(card).renew())
    assert f"approvals allow {device_id}" in caught.value.remedy
    world.cli("approvals", "allow", device_id, "--for", "renewal")
    after = asyncio.run(renewal(card).renew())
    assert after.not_after_ms > world.now_ms + 80 * DAY_MS
    expire(world, keys, long_ago_ms)
    with pytest.raises(EnrolmentRefused, match="nobody has allowed"):
        asyncio.run(renewal(card).renew())


def expire(world: EstWorld, keys: KeyFile, at_ms: int) -> None:
    """Put record and card back to a certificate that was issued then."""
    subject = keys.certificate().subject.rfc4514_string()
    device_id = subject.partition("CN=")[2].partition(",")[0]
    party = world.fleet.party(device_id).model_copy(update={"certificates": ()})
    (world.place.path / f"parties/{device_id}.json").write_bytes(party.encode())
    outcome = world.fleet.enrol(keys.enrolment_request(FLEET, DeviceKind.LOCKER), at_ms)
    world.place.apply(outcome.writes)
    keys.install_certificate(outcome.party.newest.pem.encode())


async def test_agent_asks_by_itself_once_two_thirds_are_over(world: EstWorld) -> None:
    card = world.card(any_serial=True)
    await enrol(card / "claim.json", card / "data", "1000ba01", lambda step: None)
    keys = KeyFile(card / "data/keys", "locker-1000ba01")
    expire(world, keys, world.now_ms - 70 * DAY_MS)
    before = renewal(card).life()
    assert before is not None and before.renew_at_ms < world.now_ms < before.not_after_ms
    asking = asyncio.get_running_loop().create_task(renewal(card).run(lambda: world.now_ms))
    try:
        async with asyncio.timeout(30):
            while renewal(card).life() == before:  # noqa: ASYNC110  another process does the work
                await asyncio.sleep(0.05)
    finally:
        asking.cancel()
    after = renewal(card).life()
    assert after is not None and after.not_after_ms > before.not_after_ms + 60 * DAY_MS


async def test_agent_goes_on_when_its_certificate_cannot_be_read_or_renewed(world: EstWorld) -> None:
    card = world.card(any_serial=True)
    await enrol(card / "claim.json", card / "data", "1000bc01", lambda step: None)
    asking = renewal(card)
    (card / "data/trust.bundle").unlink()
    for spoil in (lambda: None, lambda: (card / "data/keys/tls.pem").write_bytes(b"spoilt")):
        spoil()
        task = asyncio.get_running_loop().create_task(asking.run(lambda: 2**52))
        done, _ = await asyncio.wait([task], timeout=1.5)
        assert not done
        task.cancel()


def test_wiped_device_has_no_key_and_keeps_its_log(world: EstWorld) -> None:
    card = world.card(any_serial=True)
    device_id = run(card, "1000be01").device_id
    (card / "data/log").mkdir()
    (card / "data/log/events.db").write_bytes(b"events")
    words = ["wipe", "--data", str(card / "data"), "--confirm"]
    assert CliRunner().invoke(app, [*words, "locker-1000be02"]).exit_code == 5
    assert CliRunner().invoke(app, [*words, device_id, "--dry-run"]).exit_code == 0
    assert (card / "data/keys/log.key").exists()
    held = [path.read_bytes() for path in (card / "data/keys").iterdir()]
    assert CliRunner().invoke(app, [*words, device_id]).exit_code == 0
    assert list((card / "data/keys").iterdir()) == [] and len(held) == 4
    assert (card / "data/log/events.db").read_bytes() == b"events"


def test_command_says_what_happened_by_its_exit_code(world: EstWorld) -> None:
    card = world.card()
    world.approve("1000ae01")

    def edge(*words: object, code: int) -> dict[str, object]:
        done = CliRunner().invoke(app, [*map(str, words), "--data", str(card / "data"), "--json"])
        assert done.exit_code == code, done.output
        return json.loads(done.stdout)

    claim = ("enrol", "--claim", card / "claim.json")
    assert edge(*claim, "--serial", "1000ae99", code=4)["error"]["code"] == "enrolment_refused"
    assert edge(*claim, "--serial", "1000ae01", code=0)["changed"] is True
    assert edge("renew", code=0)["renewed"] is False
    toml = card / "data/locker.toml"
    toml.write_text(toml.read_text().replace(world.url, f"https://127.0.0.1:{free_port()}/.well-known/est"))
    assert edge("renew", "--now", code=7)["error"]["code"] == "link_down"
    toml.write_text("nonsense")
    assert edge("renew", code=5)["error"]["remedy"]


def test_log_of_the_server_and_records_of_the_fleet_hold_no_secret_of_a_claim(world: EstWorld) -> None:
    card = world.card(any_serial=True)
    secret = claim_of(card)["secret"]
    run(card, "1000af01")
    texts = [(world.folder / "est.log").read_bytes()]
    texts += [path.read_bytes() for path in world.place.path.rglob("*") if path.is_file()]
    assert b"1000af01" in texts[0] and not any(secret.encode() in text for text in texts)
