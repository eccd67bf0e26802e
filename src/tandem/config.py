"""Settings: the only reader of the environment and of configuration files.

Flags win over `TANDEM_*` variables, these over a TOML file, and that over the defaults.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any, cast

import msgspec

from tandem.decoding import convert
from tandem.domain.errors import Invalid
from tandem.domain.identity import Contract

ENVIRONMENT_PREFIX = "TANDEM_"
PORT_MAX = 65_535
COUNT_MAX = 1_000_000_000
MASK = "********"


_URL_PASSWORD = re.compile(r"(://[^:/@]*:).*@")
_QUERY_PASSWORD = re.compile(r"([?&](?:ssl)?password=)[^&]*")


class Origin(msgspec.Struct, frozen=True):
    """A setting's value and where it came from."""

    name: str
    value: Any
    origin: str
    is_secret: bool
    about: str

    @property
    def shown(self) -> str:
        """The value as it may be shown: secrets masked."""
        if self.value is None:
            return ""
        if self.is_secret and self.name != "database":
            return MASK
        if isinstance(self.value, tuple):
            return ", ".join(map(str, cast("tuple[object, ...]", self.value)))
        text = _URL_PASSWORD.sub(rf"\1{MASK}@", str(self.value))
        return _QUERY_PASSWORD.sub(rf"\1{MASK}", text)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting of every process; which process uses which is in `docs/operations.md`."""

    data: Path
    address: str
    port: int
    database: str
    contract: Contract
    certificate: Path | None
    key: Path | None
    admin_user: str
    admin_password: str | None
    restic: str
    log_format: str
    console: str
    load_balancers: tuple[str, ...]
    requests_per_minute: int
    requests_per_minute_address: int
    requests_per_minute_user: int
    parallel_requests: int
    parallel_requests_address: int
    parallel_requests_user: int
    async_after_seconds: int
    share: Path | None
    once: bool


def _default_data() -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/tandem")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "tandem"


def _path(value: Any) -> Path:
    return Path(str(value)).expanduser().absolute()


def _port(value: Any) -> int:
    port = int(value)
    if not 0 <= port <= PORT_MAX:
        raise ValueError
    return port


def _count(value: Any) -> int:
    count = int(value)
    if not 0 <= count <= COUNT_MAX:
        raise ValueError
    return count


def _flag(value: Any) -> bool:
    text = str(value).strip().lower()
    if text not in {"1", "0", "true", "false", "yes", "no", ""}:
        raise ValueError
    return text in {"1", "true", "yes"}


def _networks(value: Any) -> tuple[str, ...]:
    return tuple(str(ip_network(each.strip())) for each in str(value).split(",") if each.strip())


def _log_format(value: Any) -> str:
    if value not in {"console", "json"}:
        raise ValueError
    return str(value)


class _Setting(msgspec.Struct, frozen=True):
    name: str
    parse: Callable[[Any], Any]
    default: Callable[[Path], Any]
    allowed: str
    about: str
    is_secret: bool = False


def _nothing(_data: Path) -> None:
    return None


def _limit(name: str, default: int, about: str) -> _Setting:
    return _Setting(name, _count, lambda _: default, f"a number from 0 to {COUNT_MAX}", f"{about}; 0 is without limit")


_SETTINGS: list[_Setting] = [
    _Setting(
        "address", str, lambda _: "127.0.0.1", "an IP address", "where the console listens; 0.0.0.0 is everywhere"
    ),
    _Setting("port", _port, lambda _: 1280, "a number from 0 to 65535", "the console's HTTPS port"),
    _Setting(
        "database",
        str,
        lambda data: f"sqlite:///{data / 'console' / 'tandem.db'}",
        "a database URL",
        "sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME",
        is_secret=True,
    ),
    _Setting(
        "contract", Contract, lambda _: Contract.OLDEST, "3.0 or 3.6.1", "default form of the file share job family"
    ),
    _Setting("certificate", _path, _nothing, "a PEM file", "the console's certificate; made when none is given"),
    _Setting("key", _path, _nothing, "a PEM file", "the private key of the certificate"),
    _Setting("admin_user", str, lambda _: "admin", "a user name", "the first administrator"),
    _Setting(
        "admin_password", str, _nothing, "a password", "of the first administrator; made when none", is_secret=True
    ),
    _Setting("restic", str, lambda _: "restic", "a command or a path", "the restic program"),
    _Setting("log_format", _log_format, lambda _: "console", "console or json", "how log lines look"),
    _Setting(
        "console", str, lambda _: "https://localhost:1280", "an https URL", "the console that commands and agents call"
    ),
    _Setting(
        "load_balancers",
        _networks,
        lambda _: "",
        "addresses or networks, separated by commas",
        "whose word for a client's address (X-Forwarded-For) is taken",
    ),
    _limit("requests_per_minute", 0, "requests a minute, of all users together"),
    _limit("requests_per_minute_address", 600_000, "requests a minute from one address"),
    _limit("requests_per_minute_user", 300_000, "requests a minute of one user"),
    _limit("parallel_requests", 1000, "requests at a time, of all users together"),
    _limit("parallel_requests_address", 500, "requests at a time from one address"),
    _limit("parallel_requests_user", 250, "requests at a time of one user"),
    _limit("async_after_seconds", 20, "seconds until a change that takes long is answered with 202"),
    _Setting("share", _path, _nothing, "a folder", "what `tandem up` protects; sample documents when none"),
    _Setting("once", _flag, lambda _: False, "1 or 0", "whether `tandem up` ends after the first copy"),
]


def load(flags: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Args:
        flags: values from the command line by setting name; None counts as not given.
        environment: replaces the process's environment.

    Raises:
        Invalid: naming the setting, its origin, the value and what is allowed.
    """
    return convert({entry.name: entry.value for entry in origins(flags, environment)}, Settings, strict=False)


def origins(flags: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> list[Origin]:
    """Read the settings with the origin of each; arguments and errors as for `load`."""
    variables = os.environ if environment is None else environment
    data = _resolve(
        _Setting("data", _path, lambda _: _default_data(), "a folder", _DATA_ABOUT), flags, variables, {}, None
    )
    file = _read_file(variables, data.value)
    return [data, *(_resolve(setting, flags, variables, file, data.value) for setting in _SETTINGS)]


_DATA_ABOUT = "where everything of ours is kept"


def _read_file(variables: Mapping[str, str], data: Path) -> dict[str, Any]:
    named = variables.get(f"{ENVIRONMENT_PREFIX}CONFIG")
    path = Path(named) if named else data / "tandem.toml"
    if not path.exists():
        if named:
            raise Invalid(f"The configuration file {path} named by TANDEM_CONFIG does not exist.")
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"The configuration file {path} is not valid TOML: {error}.") from error
    except OSError as error:
        raise Invalid(f"The configuration file {path} cannot be read: {error.strerror}.") from error
    unknown = sorted(set(values) - {setting.name for setting in _SETTINGS})
    if unknown:
        known = ", ".join(setting.name for setting in _SETTINGS)
        raise Invalid(f"The configuration file {path} has the unknown setting {unknown[0]!r}; known are: {known}.")
    for name, value in values.items():
        if not isinstance(value, str | int | float):
            raise Invalid(f"{name} (from {path}) must be a single value, not a list or a table.")
    # As texts, like those of variables: a number or a switch then means the same everywhere.
    return {name: (str(value), str(path)) for name, value in values.items()}


def _resolve(
    setting: _Setting,
    flags: Mapping[str, Any],
    variables: Mapping[str, str],
    file: Mapping[str, Any],
    data: Path | None,
) -> Origin:
    variable = f"{ENVIRONMENT_PREFIX}{setting.name.upper()}"
    value, origin = setting.default(data or Path()), "default"
    if flags.get(setting.name) is not None:
        value, origin = flags[setting.name], f"--{setting.name.replace('_', '-')}"
    elif variables.get(variable):
        value, origin = variables[variable], variable
    elif setting.name in file:
        value, origin = file[setting.name]
    if value is not None:
        try:
            value = setting.parse(value)
        except ValueError as error:
            shown = MASK if setting.is_secret else value
            raise Invalid(f"{setting.name} (from {origin}) is {shown!r}, but must be {setting.allowed}.") from error
    return Origin(name=setting.name, value=value, origin=origin, is_secret=setting.is_secret, about=setting.about)
