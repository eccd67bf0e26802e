"""Repositories on the command line: what is wrong with one is said where its state is."""

from tandem.domain.repositories import RepositoryState
from tandem.protocol.messages import RepositoryReport
from tests.agent.backup_server import until
from tests.cli.command_line import Cli
from tests.cli.standin_agent import StandInAgent

WHY = "/health/near holds no repository.\nCheck that its disk is mounted."


def test_a_repository_in_error_says_why(admin: Cli, agent: StandInAgent) -> None:
    uid = admin.json("repositories", "create", "Ailing", "--path", "/health/near", "--server", "filer")["instanceUid"]
    assert "Failure" not in admin.succeeds("repositories", "show", "Ailing")
    agent.tell(RepositoryReport(repository_uid=uid, state=RepositoryState.FAILED, failure=WHY))
    until(lambda: admin.json("repositories", "show", "Ailing")["failureMessage"] == WHY)
    shown = admin.succeeds("repositories", "show", "Ailing")
    assert "Error" in shown
    assert "Check that its disk is mounted." in shown
    told = admin.run("repositories", "list")
    assert f"Ailing is in Error: {' '.join(WHY.split())}\n" in told.stderr
    agent.tell(RepositoryReport(repository_uid=uid, state=RepositoryState.READY))
    until(lambda: admin.json("repositories", "show", "Ailing")["failureMessage"] is None)
