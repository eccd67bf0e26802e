"""The published contract's facts, as a file: its paths, parameters, schemas and operation ids, without its prose."""

import json
from pathlib import Path
from typing import Any

CONTRACT: dict[str, Any] = json.loads(Path(__file__).with_name("vspc-3.6.1.json").read_text())
SCHEMAS: dict[str, dict[str, Any]] = CONTRACT["components"]["schemas"]
OPERATIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    described["operationId"]: (method.upper(), path, described)
    for path, methods in CONTRACT["paths"].items()
    for method, described in methods.items()
}

# What is not served, and why. Everything else of the contract is.
_OBJECT_STORAGE = "object storage is another workload"
_ALARMS = "alarms come with an engine of their own"
_RSA = "keys in pairs are deprecated for REST; simple API keys are served"
NOT_SERVED: dict[str, str] = {
    name: reason
    for name, (_method, path, _described) in OPERATIONS.items()
    for part, reason in {
        "objectStorage": _OBJECT_STORAGE,
        "/alarms/": _ALARMS,
        "/keys/rsa": _RSA,
        "fileCopyJobs": "jobs that copy files without backing them up are another product's",
        "welcomeEmail": "no mail is sent",
    }.items()
    if part in path
}


def resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """Give a schema, or what it refers to in a document."""
    if "$ref" not in schema:
        return schema
    found: Any = document
    for part in str(schema["$ref"]).removeprefix("#/").split("/"):
        found = found[part]
    return resolved(found, document)
