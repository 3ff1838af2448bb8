"""`pw-provision` as a process, with `openssl` as the independent judge of everything it signs."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from edge.storage.key_file import KeyFile
from edge.wire.enrolment import DeviceKind
from edge.wire.envelope import open_envelope
from edge.wire.messages import Bundle
from provisioning.__main__ import app

ROOT = Path(__file__).resolve().parent.parent.parent.parent
FLEET = "cli.fleet"


class World:
    """One folder with a fleet in it, as an operator has it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fleet = folder / "fleet"

    def run(self, *arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "provisioning", *map(str, arguments)]
        environment = {**os.environ, "PW_FLEET_DIR": str(self.fleet), "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == code, f"{done.args}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def here(self, *arguments: object, code: int = 0) -> Result:
        """The same command without a process of its own, because starting one costs most of its time."""
        with contextlib.chdir(self.folder):
            done = CliRunner().invoke(app, [*map(str, arguments)], env={"PW_FLEET_DIR": str(self.fleet)})
        assert done.exit_code == code, done.output
        return done

    def json(self, *arguments: object, code: int = 0) -> dict[str, Any]:
        value = json.loads(self.here(*arguments, "--json", code=code).stdout)
        assert isinstance(value, dict)
        return value

    def device(self, number: int) -> tuple[KeyFile, Path]:
        device_id = f"locker-{number:04d}"
        keys = KeyFile(self.folder / device_id, device_id)
        request = self.folder / f"{device_id}.json"
        request.write_bytes(keys.enrolment_request(FLEET, DeviceKind.LOCKER))
        return keys, request

    def snapshot(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}


def openssl(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fleet with one device, made once."""
    made = World(tmp_path_factory.mktemp("template"))
    made.run("init", "--fleet", FLEET)
    made.run("enrol", made.device(1)[1])
    made.device(2)
    made.run("request", "bridge.1", "--kind", "bridge", "--key", "b.key", "--csr", "b.csr")
    return made.folder


@pytest.fixture
def world(template: Path, tmp_path: Path) -> World:
    """A copy of it."""
    return World(Path(shutil.copytree(template, tmp_path / "world")))


def test_device_from_request_to_certificate_to_revocation_is_judged_by_openssl(world: World) -> None:
    keys, request = world.device(3)
    world.run("enrol", request, "--out", "certs")
    world.run("export", "broker", "--to", "broker")
    chain, ca, crl = (
        world.folder / "certs/locker-0003.pem",
        world.folder / "broker/ca.pem",
        world.folder / "broker/crl.pem",
    )
    check = ("verify", "-purpose", "sslclient", "-CAfile", ca, "-crl_check", "-CRLfile")
    good = openssl(*check, crl, chain)
    assert good.returncode == 0, good.stderr
    assert openssl("verify", "-purpose", "sslserver", "-CAfile", ca, chain).returncode != 0
    root_only = world.fleet / "ca/root.pem"
    assert openssl("verify", "-CAfile", root_only, "-untrusted", chain, chain).returncode == 0
    assert openssl("crl", "-in", crl, "-CAfile", ca, "-noout").returncode == 0
    assert "CN = locker-0003" in openssl("x509", "-in", chain, "-noout", "-subject").stdout
    keys.install_certificate(chain.read_bytes())

    world.run("revoke", "locker-0003", "--reason", "stolen")
    world.run("export", "broker", "--to", "broker")
    bad = openssl(*check, crl, chain)
    assert bad.returncode != 0 and "revoked" in bad.stderr


def test_certificate_and_csr_have_the_same_key_for_openssl(world: World) -> None:
    keys, request = world.device(1)
    world.here("enrol", request, "--out", ".")
    csr = world.folder / "csr.pem"
    csr.write_bytes(keys.certificate_request("locker-0001"))
    assert openssl("req", "-in", csr, "-verify", "-noout").returncode == 0
    from_csr = openssl("req", "-in", csr, "-pubkey", "-noout").stdout
    assert from_csr and from_csr == openssl("x509", "-in", world.folder / "locker-0001.pem", "-pubkey", "-noout").stdout


@pytest.mark.parametrize("algorithm", ["p256", "ed25519"])
def test_broker_and_bridge_certificates_fit_their_side_of_tls(world: World, algorithm: str) -> None:
    for name, kind, hosts in (
        ("broker.1", "broker", ["--host", "dns:localhost", "--host", "ip:127.0.0.1"]),
        ("bridge.1", "bridge", []),
    ):
        world.here("request", name, "--kind", kind, "--key", "s.key", "--csr", "s.csr", "--algorithm", algorithm)
        assert stat.S_IMODE((world.folder / "s.key").stat().st_mode) == 0o600
        world.here("issue", name, "--csr", "s.csr", "--kind", kind, *hosts, "--out", f"{name}.pem")
        (world.folder / "s.key").unlink()
    world.here("export", "device", "--to", "dev")
    check = ("verify", "-CAfile", world.folder / "dev/ca.pem", "-purpose")
    broker, bridge = world.folder / "broker.1.pem", world.folder / "bridge.1.pem"
    assert openssl(*check, "sslserver", "-verify_hostname", "localhost", broker).returncode == 0
    assert openssl(*check, "sslserver", "-verify_ip", "127.0.0.1", broker).returncode == 0
    assert openssl(*check, "sslserver", "-verify_hostname", "other.example", broker).returncode != 0
    assert openssl(*check, "sslclient", bridge).returncode == 0
    assert openssl(*check, "sslclient", broker).returncode != 0
    assert openssl(*check, "sslserver", bridge).returncode != 0


def test_bundle_is_signed_by_the_root_for_openssl(world: World) -> None:
    world.run("bundle", "--rotate", "receipts", "--out", "trust.bundle")
    envelope = open_envelope((world.folder / "trust.bundle").read_bytes())
    facts = json.loads((world.fleet / "fleet.json").read_text())
    der = bytes.fromhex("302a300506032b6570032100" + facts["root_public"])  # RFC 8410
    (world.folder / "root.der").write_bytes(der)
    (world.folder / "signature").write_bytes(envelope.signature)
    (world.folder / "signed").write_bytes(b"parcelworks/bundle/v1\x00" + envelope.body)
    command = ["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-rawin"]
    files = ("-inkey", "root.der", "-in", "signed", "-sigfile", "signature")
    judged = subprocess.run(["openssl", *command, *files], cwd=world.folder, capture_output=True, timeout=60)
    assert judged.returncode == 0, judged.stderr
    bundle = Bundle.parse(envelope.body).bundle
    assert (bundle.version, len(bundle.roles["receipts"])) == (2, 2)


def test_init_again_changes_nothing_and_another_name_is_a_conflict(world: World) -> None:
    before = world.snapshot()
    assert world.json("init", "--fleet", FLEET)["changed"] is False
    done = world.run("init", "--fleet", "other.fleet", "--json", code=4)
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "conflict" and error["remedy"] in done.stderr
    assert world.snapshot() == before


def test_every_file_of_a_fleet_is_private(world: World) -> None:
    modes = {stat.S_IMODE(path.stat().st_mode) for path in world.fleet.rglob("*") if path.is_file()}
    assert modes == {0o600}
    assert stat.S_IMODE(world.fleet.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "command",
    [
        ("init", "--fleet", "new.fleet", "--dir", "new"),
        ("request", "bridge.2", "--kind", "bridge", "--key", "new.key", "--csr", "new.csr"),
        ("issue", "bridge.1", "--csr", "b.csr", "--kind", "bridge", "--out", "new.pem"),
        ("enrol", "locker-0002.json", "--out", "new"),
        ("revoke", "locker-0001", "--reason", "test"),
        ("crl",),
        ("bundle", "--rotate", "pickup", "--out", "new.bundle"),
        ("ca", "rotate"),
        ("retire", "locker-0001", "--reason", "test"),
        ("publish", "--bridge", "new"),
        ("claims", "add", "--out", "c.json", "--est-url", "https://x/.well-known/est", "--bridge", "x:1"),
        ("approvals", "allow", "locker-0001", "--for", "renewal"),
        ("export", "bridge", "--to", "new"),
    ],
    ids=lambda command: command[0],
)
def test_dry_run_writes_nothing(world: World, command: tuple[str, ...]) -> None:
    before = world.snapshot()
    assert world.json(*command, "--dry-run")["dry_run"] is True
    assert world.snapshot() == before


def test_enrol_many_reports_the_bad_one_and_goes_on(world: World) -> None:
    requests = [world.device(number)[1] for number in (3, 4, 5)]
    requests[1].write_bytes(requests[1].read_bytes().replace(b'"kind":"locker"', b'"kind":"handheld"'))
    value = world.json("enrol", *requests, code=6)
    assert [item["id"] for item in value["devices"]] == ["locker-0003", "locker-0005"]
    assert [(item["code"], Path(item["file"]).name) for item in value["problems"]] == [
        ("bad_signature", "locker-0004.json")
    ]
    listed = world.json("list")["parties"]
    assert [item["device_id"] for item in listed] == ["locker-0001", "locker-0003", "locker-0005"]
    assert all(item["renew_at_ms"] < item["not_after_ms"] for item in listed)


def test_copied_card_cannot_be_enrolled_as_a_second_device(world: World) -> None:
    (world.folder / "locker-0001").rename(world.folder / "locker-0003")
    error = world.json("enrol", world.device(3)[1], code=4)["error"]
    assert "another party" in error["what"] and error["remedy"]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("show", "locker-0404"), 3),
        (("show", "../fleet"), 5),
        (("revoke", "locker-0404", "--reason", "x"), 3),
        (("list", "--dir", "nowhere"), 3),
        (("enrol", "nowhere.json"), 3),
        (("enrol", "junk.json"), 5),
        (("issue", "bridge.1", "--csr", "junk.json", "--kind", "bridge"), 5),
        (("issue", "locker-0001", "--csr", "junk.json", "--kind", "locker"), 5),
        (("bundle", "--rotate", "root"), 5),
        (("init", "--fleet", "Not A Name", "--dir", "new"), 5),
        (("bundle", "--rotate", "receipts", "--offline", "nowhere"), 3),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else str(value),
)
def test_wrong_input_ends_with_its_exit_code_and_a_remedy(world: World, command: tuple[str, ...], code: int) -> None:
    (world.folder / "junk.json").write_bytes(b"\x00junk")
    done = world.here(*command, "--json", code=code)
    error = json.loads(done.stdout)["error"]
    assert error["what"] and error["remedy"]
    assert done.stderr.startswith("error: ")


def test_retired_device_is_revoked_off_the_list_and_on_record(world: World) -> None:
    (world.folder / "serials.csv").write_text("serial\n0001\n")
    world.here("approvals", "import", "serials.csv")
    facts = world.json("retire", "locker-0001", "--reason", "sold")
    assert (facts["state"], facts["approval_removed"]) == ("revoked", True)
    assert world.json("approvals", "list")["devices"] == []
    kept = world.json("show", "locker-0001")
    assert (kept["reason"], kept["certificates"][0]["revoked_at_ms"] is not None) == ("sold", True)
    world.here("publish", "--broker", "b")
    crl = openssl("crl", "-in", world.folder / "b/crl.pem", "-noout", "-text").stdout
    assert kept["certificates"][0]["serial"].lstrip("0").upper() in crl
    assert world.json("retire", "locker-0001", "--reason", "again")["changed"] is False


def test_unknown_option_is_a_usage_error(world: World) -> None:
    world.run("enrol", "--nonsense", code=2)
    world.here("revoke", "locker-0001", "--reason", "", code=2)


def test_key_open_to_others_stops_the_command_with_the_remedy(world: World) -> None:
    _, request = world.device(3)
    key = world.fleet / "ca/issuing.key"
    key.chmod(0o640)
    error = world.json("enrol", request, code=1)["error"]
    assert (error["code"], error["remedy"]) == ("unsafe", f"chmod 600 {key}")


def test_output_and_records_hold_no_private_key(world: World) -> None:
    _, request = world.device(3)
    done = [world.here("enrol", request), world.here("list", "--json"), world.here("show", "locker-0001", "--json")]
    done += [
        world.here("bundle", "--rotate", "commands", "--json"),
        world.here("export", "bridge", "--to", "b", "--json"),
    ]
    secrets = {path.read_text().splitlines()[1] for path in world.folder.rglob("*.key")}
    assert len(secrets) > 8
    texts = [item.stdout + item.stderr for item in done] + [request.read_text()]
    texts += [path.read_text() for path in (world.fleet / "parties").iterdir()]
    assert not any(secret in text for secret in secrets for text in texts)


def test_two_enrolments_at_once_both_stand(world: World) -> None:
    requests = [world.device(number)[1] for number in (3, 4)]
    environment = {**os.environ, "PW_FLEET_DIR": str(world.fleet), "PYTHONPATH": str(ROOT)}
    commands = [[sys.executable, "-m", "provisioning", "enrol", str(request)] for request in requests]
    running = [subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) for command in commands]
    assert [process.wait(timeout=60) for process in running] == [0, 0]
    assert len(world.json("list")["parties"]) == 3
