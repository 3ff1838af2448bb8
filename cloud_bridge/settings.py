"""The bridge's configuration: defaults, then a TOML file, then environment variables `PW_CLOUD_…`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from cloud_bridge.errors import ConfigError


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Smtp(Section):
    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 25
    sender: str
    tls: Literal["none", "starttls", "implicit"] = "starttls"
    username: str = ""
    password: SecretStr = SecretStr("")


class HttpPort(Section):
    """An SMS provider that takes our JSON."""

    url: Annotated[str, Field(pattern="^https?://")]
    bearer: SecretStr = SecretStr("")


class Mqtt(Section):
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 1883
    worker: Annotated[str, Field(pattern="^[a-z0-9-]{1,30}$")] = "1"
    username: str = ""
    password: SecretStr = SecretStr("")
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    shards: str = Field("00-ff", pattern="^[0-9a-f]{2}-[0-9a-f]{2}$")


class Settings(BaseSettings):
    """`public_url`: the origin people reach the pages at."""

    model_config = SettingsConfigDict(
        env_prefix="PW_CLOUD_", env_nested_delimiter="__", extra="forbid", frozen=True, validate_default=True
    )

    database: str = "sqlite:///parcelworks.db"
    listen_host: str = "127.0.0.1"
    listen_port: Annotated[int, Field(ge=0, le=65535)] = 8080
    public_url: Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9.:\[\]-]+$")] = "http://127.0.0.1:8080"
    keys: Path = Path("keys")
    state: Path = Path("state")
    registry_tenant: str = Field("", pattern=r"^[A-Za-z0-9._-]{0,80}$")
    trust_proxy_cn: bool = False
    hold_hours: Annotated[int, Field(ge=1, le=24 * 14)] = 48
    collect_hours: Annotated[int, Field(ge=1, le=24 * 28)] = 72
    collect_until: Literal["day_end", "exact"] = "day_end"
    remind_hours: Annotated[int, Field(ge=1, le=24 * 14)] = 24
    extension_days: Annotated[int, Field(ge=1, le=7)] = 2
    extension_price_minor: Annotated[int, Field(ge=0, le=100_000)] = 0
    extension_currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "EUR"
    extensions_most: Annotated[int, Field(ge=0, le=5)] = 1
    payments: Literal["none", "simulator"] = "none"
    mqtt: Mqtt | None = None
    smtp: Smtp | None = None
    sms: HttpPort | None = None

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource, dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:  # fmt: skip
        return env_settings, init_settings

    def shown(self) -> dict[str, Any]:
        """The effective configuration, secrets masked, a password inside the database URL too."""
        values: dict[str, Any] = self.model_dump(mode="json")
        scheme, at, rest = self.database.rpartition("@")
        if at and scheme.count(":") >= 2:
            values["database"] = f"{scheme.rpartition(':')[0]}:**********@{rest}"
        return values


def load_settings(path: Path | None) -> Settings:
    """Raises ConfigError naming file, key and remedy."""
    values: dict[str, Any] = {}
    if path is not None:
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(str(error), where=str(path), remedy="Give a readable TOML file.") from error
    try:
        return Settings(**values)
    except ValidationError as error:
        first: Any = error.errors(include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(first["msg"], where=f"{path or 'environment'}: {key}",
                          remedy="See `pw-cloud config show` for what is known.") from error  # fmt: skip
