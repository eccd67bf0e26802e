"""The published Python SDK of the contract, in all its releases that we promise to serve, and a way to call it here."""

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import Any

import httpx

from tandem.api.routes import BASE
from tests.consoles import Console
from tests.people import Person

RELEASES = {"v3_5_1": "3.5.1", "v3_6": "3.6", "v3_6_1": "3.6.1"}


class InProcess(httpx.BaseTransport):
    """Carries a synchronous client's requests to a console in this process, byte for byte."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        headers = {name: value for name, value in request.headers.items() if name != "host"}
        url = request.url.raw_path.decode()
        answer = self._console.request(request.method, url, content=request.read(), headers=headers)
        # The body is unpacked already.
        plain = {name: value for name, value in answer.headers.items() if name.lower() != "content-encoding"}
        return httpx.Response(answer.status_code, headers=plain, content=answer.content)


@functools.cache
def modules_of(release: str) -> dict[str, Any]:
    """Give the modules of a release by the operation id that they call, in lower case and without anything between."""
    package = importlib.import_module(f"veeam_spc.{release}.api")
    names = [found.name for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.") if not found.ispkg]
    return {name.rpartition(".")[2].replace("_", ""): name for name in names}


def call_of(release: str, operation_id: str) -> Any:
    """Give the module that calls an operation; None if the release does not have it."""
    name = modules_of(release).get(operation_id.lower())
    return importlib.import_module(name) if name else None


def client_of(release: str, console: Console, who: Person) -> Any:
    """Make a release's own client, signed in as somebody, that sends to a console in this process."""
    package = importlib.import_module(f"veeam_spc.{release}")
    return package.AuthenticatedClient(
        base_url=f"https://console.example{BASE}",
        token=console.services.checker.sign(who.uid),
        headers={"X-Client-Version": RELEASES[release]},
        httpx_args={"transport": InProcess(console)},
        raise_on_unexpected_status=True,
    )


def asynchronous_client_of(release: str, console: Console, who: Person) -> Any:
    """Make the same for a release's asynchronous calls."""
    package = importlib.import_module(f"veeam_spc.{release}")
    return package.AuthenticatedClient(
        base_url=f"https://console.example{BASE}",
        token=console.services.checker.sign(who.uid),
        headers={"X-Client-Version": RELEASES[release]},
        httpx_args={"transport": httpx.ASGITransport(console.application, client=("192.0.2.9", 40_000))},
        raise_on_unexpected_status=True,
    )


def arguments_for(function: Callable[..., Any], known: dict[str, Any]) -> dict[str, Any]:
    """Give the arguments that a call cannot do without."""
    parameters = inspect.signature(function).parameters.values()
    return {
        parameter.name: known[parameter.name]
        for parameter in parameters
        if parameter.default is inspect.Parameter.empty and parameter.name != "client"
    }
