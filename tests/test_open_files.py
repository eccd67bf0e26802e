"""As many connections as the system allows: the limit is raised, and what it does not allow is said."""

import resource
import subprocess
import sys

from structlog.testing import capture_logs

from tandem.server.open_files import OWN_FILES, warn_if_too_few

# In a process of its own, as a hard limit cannot be raised again.
LOOK = """
import resource, sys
from tandem.server.open_files import allow_connections
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
print(allow_connections(), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


def connections_and_limit(soft: int, hard: int) -> list[int]:
    command = [sys.executable, "-c", LOOK, str(soft), str(hard)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [int(word) for word in done.stdout.split()]


def test_a_console_may_open_as_many_files_as_the_system_lets_it() -> None:
    assert connections_and_limit(256, 1024) == [1024 - OWN_FILES, 1024]
    soft = min(1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    assert connections_and_limit(soft, soft) == [soft - OWN_FILES, soft]


def test_the_log_says_when_not_all_agents_can_connect() -> None:
    with capture_logs() as logs:
        warn_if_too_few(1_000, agents=900)
    assert logs == []
    with capture_logs() as logs:
        warn_if_too_few(1_000, agents=1_000)
    (line,) = logs
    assert (line["log_level"], line["allowed"], line["agents"]) == ("warning", 1_000, 1_000)
    assert "hard limit of open files to 1300" in line["advice"]
