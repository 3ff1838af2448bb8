"""A device's whole root folder: Debian's part, the agent, and the files, users and units of the content list."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from provisioning.image.accounts import Accounts, with_accounts
from provisioning.image.base_root import MIRROR, base_root, copy_tree, remove_tree
from provisioning.image.boot_packages import boot_packages
from provisioning.image.building import cached, execute, key_of, tree_bytes
from provisioning.image.content import HERE, Content
from provisioning.image.device_site import device_site

SITE = "/usr/lib/parcelworks/site"
UNITS = "/usr/lib/systemd/system"
_PTH = "usr/lib/python3/dist-packages/parcelworks.pth"


def root_folder(content: Content, architecture: str, kind: str, mirror: str = MIRROR) -> Path:
    """A folder with `root/` and `packages.tsv`; for the same inputs the same folder.

    Raises:
        ToolMissing, BuildFailed: as in `base_root` and `device_site`.
    """
    base = base_root(content, architecture, kind, mirror)
    boot = boot_packages(content, architecture, mirror) if kind == "card" else None
    site = device_site(architecture)
    own = [part for pattern in ("*.toml", "*.py", "files/*", "units/*") for part in tree_bytes(HERE, pattern)]
    names = [path.name.encode() for path in (base, site, boot) if path]
    key = key_of((*names, *own))

    def build(target: Path) -> None:
        copy_tree(base / "root", target / "root")
        rows = [(path / "packages.tsv").read_text("utf-8") for path in (base, boot) if path]
        (target / "packages.tsv").write_text("".join(sorted("".join(rows).splitlines(keepends=True))))
        furnish(target / "root", content, site, kind)
        if boot:
            add_kernel(target / "root", content, boot / "tree")

    return cached(f"root-{kind}-{architecture}", key, build)


def furnish(root: Path, content: Content, site: Path, kind: str) -> None:
    """Put everything of ours into a Debian tree."""
    for path in content.slim.remove:
        remove_tree(root / path.lstrip("/"))
    for pattern in ("var/cache/apt/*", "var/lib/apt/lists/*", "var/log/apt", "dev/*", "run/*", "tmp/*"):
        for path in sorted(root.glob(pattern)):
            remove_tree(path)
    shutil.copytree(site, root / SITE.lstrip("/"), symlinks=True)
    pth = root / _PTH
    pth.parent.mkdir(parents=True, exist_ok=True)
    pth.write_text(f"{SITE}\n")
    _write_accounts(root, content)
    for folder in content.folder:
        path = root / folder.path.lstrip("/")
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(folder.mode)
    for file in content.file:
        if file.only in (None, kind):
            _place(HERE / file.source, root / file.to.lstrip("/"), file.mode)
    if kind == "card":
        _place_units(root, content)
        _uninitialized(root)


def add_kernel(root: Path, content: Content, tree: Path) -> None:
    """The kernel's modules, without those that no device of ours has hardware for, and the radios' firmware."""
    shutil.copytree(tree / "usr/lib/firmware", root / "usr/lib/firmware", symlinks=True, dirs_exist_ok=True)
    for name in ("regulatory.db", "regulatory.db.p7s"):
        # Debian names the rules of the air by an alternative, which a script of the package would have made.
        _link(f"{name}-debian", root / "usr/lib/firmware" / name)
    for modules in sorted((tree / "usr/lib/modules").iterdir()):
        target = root / "usr/lib/modules" / modules.name
        kept = {modules / "kernel" / name for name in content.slim.modules_kept}
        shutil.copytree(modules, target, symlinks=True)
        for name in content.slim.modules:
            remove_tree(target / "kernel" / name)
        for path in kept:
            shutil.copytree(path, target / "kernel" / path.relative_to(modules / "kernel"))
        execute(["depmod", "-b", root, modules.name])


def _place(source: Path, target: Path, mode: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(mode)
    os.chown(target, 0, 0)


def _write_accounts(root: Path, content: Content) -> None:
    etc = root / "etc"
    texts = {name: (etc / name).read_text("utf-8") for name in ("passwd", "shadow", "group", "gshadow")}
    made = with_accounts(Accounts(**texts), content.user, content.group)
    for name in texts:
        (etc / name).write_text(getattr(made, name), "utf-8")


def _place_units(root: Path, content: Content) -> None:
    """Units lie where Debian's own lie; wanting and masking are links, as `systemctl` makes them."""
    for unit in sorted((HERE / "units").iterdir()):
        _place(unit, root / UNITS.lstrip("/") / unit.name, 0o644)
    etc = root / "etc/systemd/system"
    for unit in (*content.units.enabled, *content.units.system_enabled):
        text = (root / UNITS.lstrip("/") / unit).read_text("utf-8")
        for line in text.splitlines():
            if line.startswith("WantedBy="):
                for target in line.partition("=")[2].split():
                    _link(f"{UNITS}/{unit}", etc / f"{target}.wants" / unit)
    for unit in content.units.masked:
        _link("/dev/null", etc / unit)
    _link(f"{UNITS}/multi-user.target", etc / "default.target")
    _link("/run/systemd/resolve/stub-resolv.conf", root / "etc/resolv.conf")


def _uninitialized(root: Path) -> None:
    """An empty machine id is overmounted at boot; without the file systemd could not do that on a read-only root."""
    path = root / "etc/machine-id"
    path.write_text("")
    path.chmod(0o444)


def _link(to: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink() or path.exists():
        path.unlink()
    path.symlink_to(to)
