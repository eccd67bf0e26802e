"""The operations on files within restore points, and the agents' way of sending them."""

from __future__ import annotations

from tandem.api import point_files, transfers
from tandem.api.http.operations import BASE, Operation
from tandem.domain.identity import Permission
from tandem.protocol.transfers import TRANSFER_PATH

SHARES = f"{BASE}/protectedWorkloads/fileShares"
POINT = SHARES + "/restorePoints/{restorePointUid}"

POINT_FILE_ROUTES = [
    Operation(
        "GET",
        f"{POINT}/files",
        "GetFileShareRestorePointFiles",
        Permission.FILES,
        point_files.list_point_files,
        is_extension=True,
    ),
    Operation(
        "GET",
        f"{POINT}/files/search",
        "SearchFileShareRestorePointFiles",
        Permission.FILES,
        point_files.search_point,
        is_extension=True,
    ),
    Operation(
        "GET",
        f"{POINT}/files/content",
        "DownloadFileShareRestorePointFile",
        Permission.FILES,
        point_files.download_point_file,
        gives=bytes,
        is_extension=True,
    ),
    Operation(
        "GET",
        SHARES + "/{fileShareUid}/files",
        "SearchFileShareFiles",
        Permission.FILES,
        point_files.search_share,
        is_extension=True,
    ),
    Operation("POST", TRANSFER_PATH, "SendToConsole", Permission.AGENT, transfers.take_part, is_extension=True),
]
