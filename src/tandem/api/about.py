"""What this installation is, and whether it is well."""

from __future__ import annotations

import math

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Gauge, generate_latest
from starlette.responses import Response

from tandem import __version__
from tandem.api.http.answers import One
from tandem.api.http.call import Call
from tandem.api.http.envelope import plain
from tandem.api.http.texts import Instant, Uid, instant
from tandem.domain.errors import ConsoleError
from tandem.store import proof, recovery_kits, tokens

SERVICE_UNAVAILABLE = 503
WITHOUT_KIT = Gauge(
    "tandem_repositories_without_recovery_kit", "Backup repositories that nobody has a recovery kit of."
)


class AboutView(msgspec.Struct, rename="camel"):
    """The contract's About; there is one agent for all systems."""

    installation_id: Uid
    installation_date: Instant
    server_version: str
    windows_management_agent_version: str
    linux_management_agent_version: str
    mac_management_agent_version: str
    actual_vaw_version: str | None = None
    actual_val_version: str | None = None
    actual_vam_version: str | None = None


def get_about(call: Call) -> One[AboutView]:
    """Tell id, first start and versions."""
    with call.reading() as connection:
        found = tokens.find_installation(connection)
    uid, created_at = found or (call.context.installation_uid, call.context.clock())
    return One(AboutView(uid, instant(created_at), __version__, __version__, __version__, __version__))


def get_live(call: Call) -> Response:
    """Tell that the process answers."""
    del call
    return plain({"status": "live"})


def get_ready(call: Call) -> Response:
    """Tell whether the database answers."""
    try:
        with call.reading() as connection:
            tokens.find_installation(connection)
    except ConsoleError:
        return plain({"status": "not ready"}, SERVICE_UNAVAILABLE)
    return plain({"status": "ready"})


def get_metrics(call: Call) -> Response:
    """Tell counts and times of requests, and what to look after, in Prometheus' text format; nothing of any tenant."""
    lines = ""
    try:
        with call.reading() as connection:
            WITHOUT_KIT.set(recovery_kits.count_without_kit(connection))
            counts = proof.count_trouble(connection, call.context.clock())
        lines = "".join(f"# TYPE {name} gauge\n{name} {count}\n" for name, count in counts.items())
    except ConsoleError:
        WITHOUT_KIT.set(math.nan)  # Without its database a console still tells how it is.
    return Response(generate_latest(REGISTRY) + lines.encode(), headers={"Content-Type": CONTENT_TYPE_LATEST})
