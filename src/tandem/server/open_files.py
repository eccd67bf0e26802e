"""How many connections the console's process may hold: each is an open file to the system."""

from __future__ import annotations

import resource

import structlog

# Of the process itself: its database, its files, its threads' wake-up calls.
OWN_FILES = 200
CONNECTIONS_WANTED = 20_000
# An agent holds one connection, and a second one while it reports.
CONNECTIONS_PER_AGENT = 1.1

log = structlog.get_logger()


def allow_connections() -> int:
    """Raise the process's limit of open files as far as it goes; gives how many connections it may hold then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS_WANTED + OWN_FILES
    limit = wanted if hard == resource.RLIM_INFINITY else min(hard, max(wanted, soft))
    if soft == resource.RLIM_INFINITY or limit <= soft:
        limit = soft if soft != resource.RLIM_INFINITY else wanted
    else:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return max(1, limit - OWN_FILES)


def warn_if_too_few(connections: int, agents: int) -> None:
    """Say so when so many enrolled agents cannot all be connected to this process."""
    needed = round(agents * CONNECTIONS_PER_AGENT)
    if needed > connections:
        advice = (
            f"raise the hard limit of open files to {needed + OWN_FILES} (ulimit -Hn, LimitNOFILE=), or add consoles"
        )
        log.warning("too few connections", allowed=connections, agents=agents, advice=advice)
