"""Taking a copy out of quarantine when the console asks for it."""

from __future__ import annotations

import msgspec

from tandem.agent.run import Means
from tandem.agent.sessions import Sessions
from tandem.domain.restore_points import CopyState
from tandem.protocol.messages import Configuration, LedgerReport, ResetCopy

REASON = "Taken out of quarantine by hand; to be tried again."


def reset_copy(means: Means, sessions: Sessions, configuration: Configuration, order: ResetCopy) -> str:
    """Note that a quarantined copy is to be tried again, and start its job; gives what is wrong, empty if nothing is.

    Not while the job runs: a run has read its ledger at its start, and would write over this.
    """
    job = next((found for found in configuration.jobs if found.uid == order.job_uid), None)
    if job is None:
        return "This agent does not know the job."
    if sessions.is_running(job.uid):
        return f"The job {job.name} is running; reset the copy when it has ended."
    entry = means.state.ledger(job.uid).get(order.snapshot_id)
    if entry is None or entry.state is not CopyState.QUARANTINED:
        return f"The copy is not quarantined at the backup server: {entry.state if entry else 'it is not known'}."
    pending = msgspec.structs.replace(entry, state=CopyState.PENDING, reason=REASON, since=means.clock())
    with means.state.transaction():
        means.state.put_entries(job.uid, [pending])
        means.state.add_report(LedgerReport(job_uid=job.uid, entries=[pending]))
    return sessions.start_job(job, configuration)
