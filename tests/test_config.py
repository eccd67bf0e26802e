"""Settings: where each comes from, which one wins, and what is said of a bad one."""

from pathlib import Path
from typing import Any

import pytest

from tandem.config import MASK, Origin, Settings, load, origins
from tandem.domain.errors import Invalid
from tandem.domain.identity import Contract


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Give an empty data folder."""
    return tmp_path / "data"


def write(data: Path, text: str) -> None:
    """Write the configuration file."""
    data.mkdir(exist_ok=True)
    (data / "tandem.toml").write_text(text)


def settings(data: Path, **environment: str) -> Settings:
    return load({"data": data}, environment)


def origin_of(data: Path, name: str, flags: dict[str, Any], environment: dict[str, str]) -> Origin:
    (found,) = [each for each in origins({"data": data, **flags}, environment) if each.name == name]
    return found


def test_without_any_settings_there_are_sensible_ones(data: Path) -> None:
    found = settings(data)
    assert (found.address, found.port, found.contract) == ("127.0.0.1", 1280, Contract.OLDEST)
    assert found.database == f"sqlite:///{data}/console/tandem.db"
    assert (found.admin_user, found.admin_password, found.restic) == ("admin", None, "restic")
    assert (found.once, found.share, found.certificate) == (False, None, None)


def test_a_flag_wins_over_a_variable_over_the_file_over_the_default(data: Path) -> None:
    assert origin_of(data, "port", {}, {}) == origin_of(data, "port", {"port": None}, {})
    write(data, "port = 3")
    variables = {"TANDEM_PORT": "2"}
    told = [
        origin_of(data, "port", {"port": 1}, variables),
        origin_of(data, "port", {}, variables),
        origin_of(data, "port", {}, {"TANDEM_PORT": ""}),
    ]
    assert [(each.value, each.origin) for each in told] == [
        (1, "--port"),
        (2, "TANDEM_PORT"),
        (3, str(data / "tandem.toml")),
    ]
    (data / "tandem.toml").unlink()
    assert (origin_of(data, "port", {}, {}).value, origin_of(data, "port", {}, {}).origin) == (1280, "default")


def test_the_data_folder_is_where_it_is_told_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert load({}, {}).data == tmp_path / ".local" / "share" / "tandem"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert load({}, {}).data == tmp_path / "xdg" / "tandem"
    assert load({}, {"TANDEM_DATA": "~/elsewhere"}).data == tmp_path / "elsewhere"
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert load({}, {}).data == Path("/var/lib/tandem")


def test_a_file_elsewhere_is_read_when_it_is_named(data: Path, tmp_path: Path) -> None:
    named = tmp_path / "named.toml"
    named.write_text('contract = "3.6.1"')
    assert settings(data, TANDEM_CONFIG=str(named)).contract is Contract.CURRENT
    with pytest.raises(Invalid, match=r"missing\.toml"):
        settings(data, TANDEM_CONFIG=str(tmp_path / "missing.toml"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "-1"),
        ("PORT", "65536"),
        ("PORT", "http"),
        ("PORT", "1.5"),
        ("CONTRACT", "3"),
        ("CONTRACT", "4.0"),
        ("LOG_FORMAT", "xml"),
        ("ONCE", "maybe"),
        ("REQUESTS_PER_MINUTE_USER", "-1"),
        ("PARALLEL_REQUESTS", "many"),
        ("ASYNC_AFTER_SECONDS", "0.5"),
    ],
)
def test_a_bad_value_is_told_with_its_name_where_it_came_from_and_what_is_allowed(
    data: Path, name: str, value: str
) -> None:
    with pytest.raises(Invalid) as refused:
        settings(data, **{f"TANDEM_{name}": value})
    message = refused.value.message
    assert message.startswith(f"{name.lower()} (from TANDEM_{name}) is {value!r}, but must be ")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("port = ", "not valid TOML"),
        ("prot = 1", "'prot'"),
        ('port = "x"', "from .*tandem.toml"),
        ("port = [1]", "port .*single value"),
        ("port = true", "port .*must be a number"),
        ("[console]\nport = 1", "console .*single value"),
        ('data = "/elsewhere"', "'data'"),
    ],
)
def test_a_bad_file_is_told_by_its_path(data: Path, text: str, word: str) -> None:
    write(data, text)
    with pytest.raises(Invalid, match=word) as refused:
        settings(data)
    assert str(data / "tandem.toml") in refused.value.message


@pytest.mark.parametrize(("text", "value"), [('"3.6.1"', "3.6.1"), ("3.0", "3.0"), ('"3.0"', "3.0")])
def test_a_contract_is_written_as_a_text_or_a_number(data: Path, text: str, value: str) -> None:
    write(data, f"contract = {text}")
    assert settings(data).contract == value


def test_a_file_that_is_no_text_is_told_by_its_path(data: Path) -> None:
    data.mkdir()
    (data / "tandem.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(Invalid, match=r"tandem\.toml"):
        settings(data)


def test_a_file_that_cannot_be_read_is_told_by_its_path(data: Path) -> None:
    (data / "tandem.toml").mkdir(parents=True)
    with pytest.raises(Invalid, match=r"tandem\.toml cannot be read"):
        settings(data)


@pytest.mark.parametrize(("text", "flag"), [("1", True), ("TRUE", True), ("yes", True), ("0", False), ("no", False)])
def test_a_switch_is_written_as_people_do(data: Path, *, text: str, flag: bool) -> None:
    assert settings(data, TANDEM_ONCE=text).once is flag


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("database", "postgresql://me:swordfish@host/db", f"postgresql://me:{MASK}@host/db"),
        ("database", "postgresql://me:sword@fish@host/db", f"postgresql://me:{MASK}@host/db"),
        (
            "database",
            "postgresql://host/db?user=me&password=swordfish&x=1",
            f"postgresql://host/db?user=me&password={MASK}&x=1",
        ),
        ("database", "postgresql:///db?sslpassword=swordfish", f"postgresql:///db?sslpassword={MASK}"),
        ("admin_password", "swordfish", MASK),
        ("admin_password", "a://swordfish", MASK),
        ("console", "https://me:swordfish@host", f"https://me:{MASK}@host"),
    ],
)
def test_no_password_is_shown(data: Path, name: str, value: str, expected: str) -> None:
    told = origin_of(data, name, {}, {f"TANDEM_{name.upper()}": value})
    assert (told.value, told.shown) == (value, expected)


def test_every_setting_can_be_explained(data: Path) -> None:
    told = origins({"data": data}, {})
    assert {each.name for each in told} == set(Settings.__struct_fields__)
    assert all(each.about for each in told)
    assert {each.name for each in told if not each.shown} == {
        "admin_password",
        "certificate",
        "key",
        "load_balancers",
        "share",
    }


def test_paths_are_absolute_wherever_a_process_is_started(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert settings(data, TANDEM_CERTIFICATE="certificate.pem").certificate == tmp_path / "certificate.pem"


def test_load_balancers_are_addresses_and_networks(data: Path) -> None:
    given = {"TANDEM_LOAD_BALANCERS": "10.0.0.5, 2001:db8::/64"}
    assert load({"data": data}, given).load_balancers == ("10.0.0.5/32", "2001:db8::/64")
    with pytest.raises(Invalid, match=r"load_balancers .*must be addresses or networks, separated by commas"):
        load({"data": data}, {"TANDEM_LOAD_BALANCERS": "balancer.example"})
