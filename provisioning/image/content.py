"""What a device's root holds: the declarative list `content.toml`, read and checked."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from provisioning.errors import Usage

HERE = Path(__file__).parent
Absolute = Annotated[str, Field(pattern=r"^/[\w./*@%+-]+$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Packages(_Strict):
    base: tuple[str, ...]
    card: tuple[str, ...]
    boot: tuple[str, ...]


class Slim(_Strict):
    exclude: tuple[Absolute, ...]
    keep: tuple[Absolute, ...]
    remove: tuple[Absolute, ...]
    modules: tuple[str, ...]
    modules_kept: tuple[str, ...]


class User(_Strict):
    """A user without password or shell, with a group of the same name and number."""

    name: str
    id: Annotated[int, Field(ge=900, le=999)]
    home: Absolute
    groups: tuple[str, ...] = ()


class Group(_Strict):
    name: str
    id: Annotated[int, Field(ge=900, le=999)]


class Folder(_Strict):
    path: Absolute
    mode: int


class File(_Strict):
    """`only` limits a file to one kind of root."""

    source: Annotated[str, Field(alias="from")]
    to: Absolute
    mode: int = 0o644
    only: Literal["card", "rig"] | None = None


class Units(_Strict):
    enabled: tuple[str, ...]
    system_enabled: tuple[str, ...]
    masked: tuple[str, ...]


class Content(_Strict):
    suite: str
    components: tuple[str, ...]
    product: str
    board: str
    packages: Packages
    slim: Slim
    user: tuple[User, ...]
    group: tuple[Group, ...]
    folder: tuple[Folder, ...]
    file: tuple[File, ...]
    units: Units


def read_content(path: Path = HERE / "content.toml") -> Content:
    """Read and check the list, and that every file and unit it names lies beside it.

    Raises:
        Usage: it is no TOML, a key is wrong, or a file is missing.
    """
    try:
        content = Content.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Usage(f"cannot be read: {error}", where=str(path), remedy="Mend the line it names.") from error
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise Usage(problems, where=str(path), remedy="Mend the keys it names.") from error
    named = [item.source for item in content.file] + [f"units/{unit}" for unit in content.units.enabled]
    missing = [name for name in named if not (path.parent / name).is_file()]
    if missing:
        raise Usage(f"no file {missing[0]}", where=str(path), remedy="Add the file or strike the line.")
    return content
