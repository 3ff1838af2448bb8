"""`pw-cloud` as a person runs it: exit codes, JSON, masked secrets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cloud_bridge.__main__ import app

HEADER = "tracking_number,width_mm,height_mm,depth_mm,weight_g,recipient_name,recipient_email"


@pytest.fixture
def run(tmp_path: Path):
    config = tmp_path / "cloud.toml"
    config.write_text(
        f'database = "sqlite:///{tmp_path}/bridge.db"\nstate = "{tmp_path}/state"\n'
        '[smtp]\nhost = "mail.example"\nsender = "no-reply@example.org"\npassword = "hunter2-secret"\n'
    )

    def invoke(*words: str, status: int = 0):
        result = CliRunner().invoke(app, [*words, "--config", str(config)])
        assert result.exit_code == status, (result.output, result.exception)
        return result

    return invoke


def test_first_token_is_made_and_printed_once(run) -> None:
    made = json.loads(run("token", "create", "--json").stdout)
    assert made["token"].startswith(f"pw_{made['token_id']}_")


def test_unknown_role_is_invalid_data(run) -> None:
    assert "Use one of" in run("token", "create", "--role", "king", status=5).stderr


def test_manifest_with_a_bad_row_finishes_with_problems(run, tmp_path: Path) -> None:
    file = tmp_path / "today.csv"
    file.write_text(f"{HEADER}\nPW-0001,300,100,200,1500,Ann,a@b.org\nPW-0002,wide,100,200,1500,Ann,a@b.org\n")
    result = run("manifest", "import", str(file), "--json", status=6)
    report = json.loads(result.stdout)
    assert report["announced"] == ["PW-0001"] and report["findings"][0]["line"] == 3
    assert f"{file}:3: width_mm" in result.stderr


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("ledger", "replay", "--parcel", "PW-0001"), 3),
        (("devices", "import", "nowhere.json"), 3),
        (("devices", "list", "--json"), 0),
        (("serve",), 2),
    ],
    ids=["empty ledger", "no file", "no devices", "no keys"],
)
def test_command_ends_with_its_code(run, words: tuple[str, ...], status: int) -> None:
    run(*words, status=status)


def test_configuration_is_shown_without_secrets(run) -> None:
    shown = run("config", "show").stdout
    assert "mail.example" in shown and "hunter2" not in shown


def test_unknown_key_is_a_usage_error_that_names_it(tmp_path: Path) -> None:
    config = tmp_path / "cloud.toml"
    config.write_text("databse = 'x'\n")
    result = CliRunner().invoke(app, ["config", "show", "--config", str(config)])
    assert result.exit_code == 2 and "databse" in result.stderr
