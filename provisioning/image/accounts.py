"""The account files of a root, with users and groups added. Pure: text in, text out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from provisioning.image.content import Group, User

LOCKED = "*"


@dataclass(frozen=True, slots=True)
class Accounts:
    """Contents of /etc/passwd, shadow, group and gshadow."""

    passwd: str
    shadow: str
    group: str
    gshadow: str


def with_accounts(accounts: Accounts, users: Sequence[User], groups: Sequence[Group]) -> Accounts:
    """Add what is missing; nobody gets a password or a shell, and adding twice changes nothing."""
    for group in (*groups, *(Group(name=user.name, id=user.id) for user in users)):
        if f"\n{group.name}:" not in f"\n{accounts.group}":
            accounts = replace(
                accounts,
                group=accounts.group + f"{group.name}:x:{group.id}:\n",
                gshadow=accounts.gshadow + f"{group.name}:!::\n",
            )
    for user in users:
        if f"\n{user.name}:" not in f"\n{accounts.passwd}":
            line = f"{user.name}:x:{user.id}:{user.id}::{user.home}:/usr/sbin/nologin\n"
            accounts = replace(
                accounts,
                passwd=accounts.passwd + line,
                shadow=accounts.shadow + f"{user.name}:{LOCKED}:1::::::\n",
            )
        accounts = replace(accounts, group=_join(accounts.group, user), gshadow=_join(accounts.gshadow, user))
    return replace(accounts, shadow=_dated(accounts.shadow))


def _join(text: str, user: User) -> str:
    lines = []
    for line in text.splitlines():
        head, _, members = line.rpartition(":")
        names = [name for name in members.split(",") if name]
        if line.partition(":")[0] in user.groups and user.name not in names:
            line = f"{head}:{','.join([*names, user.name])}"
        lines.append(line)
    return "".join(f"{line}\n" for line in lines)


def _dated(shadow: str) -> str:
    """The day of the last change is the day of the build: the same one in every build."""
    fields = [line.split(":") for line in shadow.splitlines()]
    return "".join(":".join([*field[:2], "1", *field[3:]]) + "\n" for field in fields)
