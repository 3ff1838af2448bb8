"""Kernel and firmware, fetched with apt's own checks and unpacked on the building machine: no script of theirs runs.

Under emulation their scripts would make an initramfs for half an hour, and a card needs one of its own anyway.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from provisioning.image.base_root import MIRROR, sources
from provisioning.image.building import cached, execute, key_of, need_tools
from provisioning.image.content import Content

_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_ROW = "${Package}\t${Version}\t${Architecture}\n"


def boot_packages(content: Content, architecture: str, mirror: str = MIRROR) -> Path:
    """A folder with `tree/` (what the packages hold) and `packages.tsv`.

    Raises:
        BuildFailed: a package cannot be had, or its signature does not hold.
    """
    need_tools({"apt-get": "apt", "dpkg-deb": "dpkg", "tar": "tar", "depmod": "kmod"})
    names = content.packages.boot
    parts = (architecture, *sources(content, mirror), *names)
    key = key_of((Path(__file__).read_bytes(), *(part.encode() for part in parts)))

    def build(target: Path) -> None:
        with tempfile.TemporaryDirectory() as work:
            _fetch(Path(work), architecture, sources(content, mirror), names)
            packages = sorted(Path(work).glob("*.deb"))
            tree = target / "tree"
            tree.mkdir()
            for package in packages:
                _unpack(package, tree)
            for release in (tree / "usr/lib/modules").iterdir():
                execute(["depmod", "-b", tree, release.name])
            rows = [execute(["dpkg-deb", "-W", f"--showformat={_ROW}", package]) for package in packages]
            (target / "packages.tsv").write_bytes(b"".join(sorted(rows)))

    return cached(f"boot-{architecture}", key, build)


def _fetch(work: Path, architecture: str, lines: tuple[str, ...], names: tuple[str, ...]) -> None:
    """The packages as files in `work`; a package that only names another (the kernel's) is followed."""
    for folder in ("lists/partial", "archives/partial", "etc"):
        (work / folder).mkdir(parents=True)
    (work / "status").touch()
    (work / "etc/sources.list").write_text("".join(f"{line}\n" for line in lines))
    options = {
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Sandbox::User": "root",
        "Dir::State": str(work),
        "Dir::State::status": str(work / "status"),
        "Dir::Cache": str(work),
        "Dir::Etc::sourcelist": str(work / "etc/sources.list"),
        "Dir::Etc::sourceparts": "-",
        "Dir::Etc::trusted": _KEYRING,
        "Acquire::Languages": "none",
    }
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    execute(["apt-get", *words, "-qq", "update"])
    wanted = [_real_name(execute(["apt-cache", *words, "show", "--no-all-versions", name]), name) for name in names]
    execute(["apt-get", *words, "-qq", "download", *wanted], folder=work)


def _real_name(shown: bytes, name: str) -> str:
    """`linux-image-arm64` is empty and depends on the newest `linux-image-6.1.0-…-arm64`."""
    found = re.search(r"^Depends: (linux-image-\d\S*)", shown.decode("utf-8", "replace"), re.MULTILINE)
    return found[1] if found and name.startswith("linux-image-") else name


def _unpack(package: Path, tree: Path) -> None:
    """`dpkg-deb -x` would replace the link /lib by a folder; tar keeps to what is there."""
    for folder in ("usr/lib", "usr/bin", "usr/sbin"):
        (tree / folder).mkdir(parents=True, exist_ok=True)
    for link in ("lib", "bin", "sbin"):
        if not (tree / link).is_symlink():
            (tree / link).symlink_to(f"usr/{link}")
    archive = execute(["dpkg-deb", "--fsys-tarfile", package])
    execute(["tar", "-x", "--keep-directory-symlink", "-p", "--numeric-owner", "-C", tree], feed=archive)
