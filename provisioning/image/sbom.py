"""What an image is made of, as a CycloneDX bill of materials. Pure: the same image has the same bill."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from urllib.parse import quote

_NAMESPACE = uuid.UUID("50574331-0000-4000-8000-00000000000f")
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)")


def bill(product: str, version: str, suite: str, packages: str, lock: str) -> dict[str, object]:
    """The bill as JSON data.

    Args:
        packages: rows of name, version and architecture, as dpkg lists what is installed.
        lock: the lock file of the device's Python packages.
    """
    parts = [*_debian(packages, suite), *_python(lock)]
    serial = uuid.uuid5(_NAMESPACE, "\n".join(str(part["purl"]) for part in parts) + version)
    subject = {"type": "firmware", "name": product, "version": version, "bom-ref": product}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {"component": subject},
        "components": parts,
        "dependencies": [{"ref": product, "dependsOn": [part["bom-ref"] for part in parts]}],
    }


def _debian(packages: str, suite: str) -> Iterable[Mapping[str, object]]:
    for row in sorted(set(packages.splitlines())):
        name, version, architecture = row.split("\t")
        purl = f"pkg:deb/debian/{name}@{quote(version, safe='')}?arch={architecture}&distro={suite}"
        yield {"type": "library", "name": name, "version": version, "purl": purl, "bom-ref": purl}


def _python(lock: str) -> Iterable[Mapping[str, object]]:
    for line in lock.splitlines():
        if (found := _PINNED.match(line)) and "sys_platform == 'win32'" not in line:
            purl = f"pkg:pypi/{found[1].lower()}@{quote(found[2], safe='')}"
            yield {"type": "library", "name": found[1], "version": found[2], "purl": purl, "bom-ref": purl}
