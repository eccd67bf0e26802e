"""The seed operation by plain statements, `count(*)` and `limit … offset`, with as little around them as there can be.

Tandem's HTTP server and JSON encoder, sqlite3 without any layer: what is left is what such statements cost.

python benchmarks/peers/plain_statements.py DATABASE PORT CERTIFICATE KEY
"""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import granian_server
import msgspec
import uvloop
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

PATH = "/api/v3/infrastructure/backupServers/jobs/fileShareCopyJobs"
PROVIDER_ROLE = "PortalAdministrator"
ROLES = {PROVIDER_ROLE, "ResellerOwner", "ResellerAdministrator", "CompanyOwner", "CompanyAdministrator"}
USER = """
select users.role, users.organization_uid from users
left join companies on companies.instance_uid = users.organization_uid
where users.instance_uid = ? and users.status = 'Enabled'
and (companies.instance_uid is null or (companies.status = 'Active' and companies.is_rest_access_enabled))
"""
OWNED = " where organization_uid = :own or mapped_organization_uid = :own"
OLDEST = "instance_uid, source_job_instance_uid, target_repository_uid, retention, lower(retention_unit)"
CURRENT = (
    "instance_uid, unique_uid, source_job_instance_uid, source_job_unique_uid, target_repository_uid, retention,"
    " retention_unit, source_size, gfs_daily, gfs_weekly, gfs_monthly, gfs_yearly"
)

key = OctKey.import_key(os.environ["PEER_SECRET"])
claims_registry = jwt.JWTClaimsRegistry(sub={"essential": True}, exp={"essential": True})


class OldestCopyJob(msgspec.Struct, rename="camel"):
    instance_uid: str
    source_file_share_job_uid: str
    target_repository_uid: str
    retention: int
    retention_unit: str


class CurrentCopyJob(msgspec.Struct, rename="camel"):
    instance_uid: str
    unique_uid: str
    source_file_share_job_uid: str
    source_file_share_job_unique_uid: str
    target_repository_uid: str
    retention: int
    retention_unit: str
    source_size: int | None
    gfs_daily: int
    gfs_weekly: int
    gfs_monthly: int
    gfs_yearly: int
    embedded: None = msgspec.field(name="_embedded", default=None)


def answer(connection: sqlite3.Connection, query: dict[str, list[str]], headers: dict[bytes, bytes]) -> bytes | int:
    """Give the body, or the status if there is none."""
    try:
        token = jwt.decode(headers[b"authorization"].decode().removeprefix("Bearer "), key, algorithms=["HS256"])
        claims_registry.validate(token.claims)
    except (JoseError, ValueError, KeyError):
        return 401
    user = connection.execute(USER, [token.claims["sub"]]).fetchone()
    if user is None:
        return 401
    role, own = user
    if role not in ROLES:
        return 403
    limit, offset = (int(query.get(name, [default])[0]) for name, default in (("limit", "100"), ("offset", "0")))
    if not 1 <= limit <= 500 or offset < 0:
        return 400
    version = headers.get(b"x-client-version")
    is_oldest = version is None or tuple(map(int, version.split(b".")[:2])) < (3, 1)
    columns, record = (OLDEST, OldestCopyJob) if is_oldest else (CURRENT, CurrentCopyJob)
    where = "" if role == PROVIDER_ROLE else OWNED
    given = {"own": own, "limit": limit, "offset": offset}
    connection.execute("begin")  # both see the same rows
    (total,) = connection.execute(f"select count(*) from file_share_copy_jobs{where}", given).fetchone()
    listed = f"select {columns} from file_share_copy_jobs{where} order by position limit :limit offset :offset"
    rows = [record(*row) for row in connection.execute(listed, given)]
    connection.execute("commit")
    meta = {"pagingInfo": {"total": total, "count": len(rows), "offset": offset}}
    return msgspec.json.encode({"meta": meta, "data": rows})


async def serve(database: str, port: int, certificate: Path, key_file: Path) -> None:
    connection = sqlite3.connect(database, isolation_level=None)

    async def application(scope: dict[str, Any], _receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        query = parse_qs(scope["query_string"].decode())
        said = answer(connection, query, dict(scope["headers"])) if scope["path"] == PATH else 404
        body, status = (b"", said) if isinstance(said, int) else (said, 200)
        headers = [(b"content-length", str(len(body)).encode()), (b"content-type", b"application/json; charset=utf-8")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    await granian_server.serve(application, port, certificate, key_file)


if __name__ == "__main__":
    _, database, port, certificate, key_file = sys.argv
    uvloop.run(serve(database, int(port), Path(certificate), Path(key_file)))
