"""The enrolment server in the hands of curl and openssl, which know nothing of our code (RFC 7030)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.provisioning.est_world import EstWorld, est_world

SCRIPT = r"""
set -euo pipefail
id=$1 fleet=$2
public() { openssl pkey -in "$1" -pubout -outform DER | tail -c 32 | od -An -tx1 | tr -d ' \n'; }
[ -e tls.key ] || openssl ecparam -genkey -name prime256v1 -noout -out tls.key
[ -e log.key ] || openssl genpkey -algorithm ed25519 -out log.key
[ -e wrap.key ] || openssl genpkey -algorithm x25519 -out wrap.key
openssl req -new -key tls.key -subj "/CN=$id" -out plain.csr
csr=$(awk '{printf "%s\\n", $0}' plain.csr)
body() {
    printf '{"csr":"%s","device_id":"%s","fleet":"%s","format":1,"kind":"locker","log_public":"%s"' \
        "$csr" "$id" "$fleet" "$(public log.key)"
    printf '%s,"wrap_public":"%s"}' "$1" "$(public wrap.key)"
}
{ printf 'parcelworks/enrol/v1\0'; body ''; } > signed
openssl pkeyutl -sign -rawin -inkey log.key -in signed -out proof
proof=$(od -An -tx1 proof | tr -d ' \n')
statement=$(body ",\"proof\":\"$proof\"" | base64 -w 0)
cat > req.cnf <<END
[req]
prompt = no
distinguished_name = dn
attributes = attributes
[dn]
CN = $id
[attributes]
unstructuredName = $statement
END
openssl req -new -config req.cnf -key tls.key -outform DER -out est.csr
base64 est.csr > est.b64
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EstWorld]:
    with est_world(tmp_path_factory.mktemp("est")) as made:
        yield made


def shell(folder: Path, script: str, *arguments: str) -> str:
    command = ["bash", "-c", script, "bash", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def curl(world: EstWorld, folder: Path, operation: str, *options: str) -> tuple[int, str]:
    """Status and content type; the body lies in `answer`."""
    command = ["curl", "-sS", "--cacert", str(world.folder / "ca.pem"), "-o", "answer", *options]
    command += ["-w", "%{http_code} %{content_type}", f"{world.url}/{operation}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    status, _, kind = done.stdout.partition(" ")
    return int(status), kind


POST = (
    "-H",
    "Content-Type: application/pkcs10",
    "-H",
    "Content-Transfer-Encoding: base64",
    "--data-binary",
    "@est.b64",
)
UNPACK = "base64 -d answer | openssl pkcs7 -inform DER -print_certs > "


def test_curl_and_openssl_enrol_renew_and_verify_what_they_got(world: EstWorld, tmp_path: Path) -> None:
    device_id = "locker-2000aa01"
    claim = json.loads((world.card(any_serial=True) / "claim.json").read_text())
    shell(tmp_path, SCRIPT, device_id, claim["fleet"])
    basic = ("-u", f"{claim['claim_id']}:{claim['secret']}")

    assert curl(world, tmp_path, "cacerts") == (200, "application/pkcs7-mime; smime-type=certs-only")
    shell(tmp_path, UNPACK + "ca.pem")
    assert curl(world, tmp_path, "simpleenroll", *POST, *basic) == (
        200, "application/pkcs7-mime; smime-type=certs-only"
    )  # fmt: skip
    shell(tmp_path, UNPACK + "tls.pem && openssl verify -purpose sslclient -CAfile ca.pem tls.pem")
    assert shell(tmp_path, "openssl x509 -in tls.pem -noout -pubkey") == shell(
        tmp_path, "openssl pkey -in tls.key -pubout"
    )
    assert device_id in shell(tmp_path, "openssl x509 -in tls.pem -noout -subject")
    assert shell(tmp_path, "grep -c BEGIN tls.pem").strip() == "1"

    shell(tmp_path, "cp tls.key old.key && cp tls.pem old.pem && rm tls.key")
    shell(tmp_path, SCRIPT, device_id, claim["fleet"])
    shown = ("--cert", "old.pem", "--key", "old.key")
    assert curl(world, tmp_path, "simplereenroll", *POST, *shown)[0] == 200
    shell(tmp_path, UNPACK + "tls.pem && openssl verify -CAfile ca.pem tls.pem && ! cmp -s tls.pem old.pem")
    assert shell(tmp_path, "openssl x509 -in tls.pem -noout -pubkey") == shell(
        tmp_path, "openssl pkey -in tls.key -pubout"
    )


def test_csrattrs_name_the_key_and_the_digest_for_openssl(world: EstWorld, tmp_path: Path) -> None:
    assert curl(world, tmp_path, "csrattrs") == (200, "application/csrattrs")
    told = shell(tmp_path, "base64 -d answer | openssl asn1parse -inform DER")
    assert all(name in told for name in ("id-ecPublicKey", "prime256v1", "ecdsa-with-SHA256", "unstructuredName"))


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ((*POST,), 401, "unauthenticated"),
        ((*POST, "-u", "0011223344556677:nothing"), 401, "unauthenticated"),
        ((*POST, "-H", "Authorization: Basic %%%"), 401, "unauthenticated"),
        ((*POST, "-H", "Authorization: Bearer x"), 401, "unauthenticated"),
        (("-H", "Content-Type: application/json", "-d", "{}", "-u", "CLAIM"), 415, ""),
        (("-H", "Content-Type: application/pkcs10", "-d", "AAAA", "-u", "CLAIM"), 400, "refused"),
        (("-H", "Content-Type: application/pkcs10", "--data-binary", "@plain.b64", "-u", "CLAIM"), 400, "refused"),
        (("-H", "Content-Type: application/pkcs10", "--data-binary", "@large", "-u", "CLAIM"), 413, ""),
    ],
    ids=["nobody", "wrong-secret", "no-base64", "bearer", "json", "junk", "without-our-request", "too-large"],
)
def test_request_that_is_none_is_refused_with_its_status(
    world: EstWorld, tmp_path: Path, options: tuple[str, ...], status: int, code: str
) -> None:
    claim = json.loads((world.card(any_serial=True) / "claim.json").read_text())
    shell(tmp_path, SCRIPT, "locker-2000aa02", claim["fleet"])
    shell(tmp_path, "openssl req -in plain.csr -outform DER | base64 > plain.b64; head -c 60000 /dev/zero > large")
    words = [f"{claim['claim_id']}:{claim['secret']}" if word == "CLAIM" else word for word in options]
    assert curl(world, tmp_path, "simpleenroll", *words)[0] == status
    if code:
        told = json.loads((tmp_path / "answer").read_text())
        assert told["code"] == code and told["remedy"]


def test_stolen_certificate_without_its_key_and_the_certificate_of_another_renew_nothing(
    world: EstWorld, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        claim = json.loads((world.card(any_serial=True) / "claim.json").read_text())
        (tmp_path / name).mkdir()
        shell(tmp_path / name, SCRIPT, f"locker-2000bb{name}", claim["fleet"])
        basic = ("-u", f"{claim['claim_id']}:{claim['secret']}")
        assert curl(world, tmp_path / name, "simpleenroll", *POST, *basic)[0] == 200
        shell(tmp_path / name, UNPACK + "tls.pem")
    two = str(tmp_path / "two")
    status, _ = curl(
        world, tmp_path / "one", "simplereenroll", *POST, "--cert", f"{two}/tls.pem", "--key", f"{two}/tls.key"
    )
    assert (status, json.loads((tmp_path / "one/answer").read_text())["code"]) == (403, "denied")
    assert curl(world, tmp_path / "one", "simplereenroll", *POST)[0] == 401


def test_trust_bundle_is_served_as_it_was_sealed(world: EstWorld, tmp_path: Path) -> None:
    assert curl(world, tmp_path, "../parcelworks/trust.bundle") == (200, "application/cbor")
    assert (tmp_path / "answer").read_bytes() == (world.place.path / "trust.bundle").read_bytes()
