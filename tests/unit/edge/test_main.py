from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from edge.__main__ import app
from edge.storage.document_file import DocumentFiles
from edge.wire import canonical
from edge.wire.messages import Desired
from tests.unit.edge.test_config import GOOD

DEVICE = ["--device-id", "locker-0001"]


def run(*args: str):  # type: ignore[no-untyped-def]
    return CliRunner().invoke(app, list(args))


def test_config_show_prints_the_effective_configuration(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text(GOOD)
    shown = CliRunner(env={"PW_EDGE_MQTT__PORT": "1883"}).invoke(
        app, ["config", "show", "--config", str(tmp_path / "agent.toml")]
    )
    assert shown.exit_code == 0
    assert json.loads(shown.stdout)["mqtt"]["port"] == 1883


def test_wrong_configuration_exits_5_with_the_remedy_on_stderr(tmp_path: Path) -> None:
    for args in (("config", "show"), ("locker",)):
        failed = run(*args, "--config", str(tmp_path / "none.toml"))
        assert failed.exit_code == 5
        assert "error:" in failed.stderr and "remedy:" in failed.stderr and failed.stdout == ""


def test_locker_without_its_trust_bundle_exits_5(tmp_path: Path) -> None:
    text = GOOD.replace('"data"', f'"{tmp_path}/data"').replace('"keys"', f'"{tmp_path}/keys"')
    (tmp_path / "agent.toml").write_text(text.replace('"trust.cbor"', f'"{tmp_path}/trust.cbor"'))
    failed = run("locker", "--config", str(tmp_path / "agent.toml"))
    assert failed.exit_code == 5 and "trust" in failed.stderr


def test_update_without_a_repository_exits_5_and_with_a_root_that_is_none_exits_6(tmp_path: Path) -> None:
    text = GOOD.replace('"data"', f'"{tmp_path}/data"')
    (tmp_path / "agent.toml").write_text(text)
    failed = run("update", "--once", "--config", str(tmp_path / "agent.toml"))
    assert failed.exit_code == 5 and "[release] url" in failed.stderr
    (tmp_path / "root.json").write_text("{}")
    wish = canonical.encode({"release": {"kind": "agent", "version": "9.0.0", "product": "p"}})
    DocumentFiles(tmp_path / "data" / "documents").save("desired.cbor", Desired("locker-0001", 1, 1, wish).encode())
    lines = {"root_file": "root.json", "folder": "releases", "run_dir": "run", "restart": "none", "label_file": "none"}
    section = "".join(f'{key} = "{tmp_path}/{name}"\n' for key, name in lines.items())
    (tmp_path / "agent.toml").write_text(f'{text}\n[release]\nurl = "http://127.0.0.1:9"\n{section}')
    looked = run("update", "--once", "--json", "--config", str(tmp_path / "agent.toml"))
    assert (looked.exit_code, json.loads(looked.stdout)) == (6, {"agent": "refused:malformed"}), "that is no root"


def test_enrol_request_makes_keys_and_prints_one_json_object(tmp_path: Path) -> None:
    keys = str(tmp_path / "keys")
    made = run("enrol-request", "--keys-dir", keys, *DEVICE, "--fleet", "test.fleet")
    assert made.exit_code == 0 and isinstance(json.loads(made.stdout), dict)
    assert "PRIVATE" not in made.stdout


def test_enrol_request_with_a_wrong_name_or_kind_exits_5(tmp_path: Path) -> None:
    keys = str(tmp_path / "keys")
    assert run("enrol-request", "--keys-dir", keys, "--device-id", "X", "--fleet", "test.fleet").exit_code == 5
    assert (
        run("enrol-request", "--keys-dir", keys, *DEVICE, "--fleet", "test.fleet", "--kind", "toaster").exit_code == 5
    )


def test_install_certificate_that_is_missing_or_none_exits_5(tmp_path: Path) -> None:
    keys = str(tmp_path / "keys")
    (tmp_path / "no.pem").write_text("nothing")
    for file in ("none.pem", "no.pem"):
        failed = run("install-certificate", "--keys-dir", keys, *DEVICE, str(tmp_path / file))
        assert failed.exit_code == 5 and "error:" in failed.stderr


def test_no_command_shows_help_and_an_unknown_one_exits_2() -> None:
    assert "Programs that run on a device" in run().output
    assert run("open-all").exit_code == 2
