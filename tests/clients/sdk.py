"""The published Python SDK of the contract, in all its releases that we promise to serve, and a way to call it here."""

import asyncio
import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx

from tandem.api.routes import BASE
from tests.consoles import Console
from tests.people import Person

RELEASES = {"v3_5_1": "3.5.1", "v3_6": "3.6", "v3_6_1": "3.6.1"}
# Not promised: of what is served, their descriptions say the same.
NEWER_RELEASES = {"v3_6_2": "3.6.2", "v3_7": "3.7"}


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


def arguments_for(function: Callable[..., Any], known: dict[str, Any]) -> dict[str, Any]:
    """Give the arguments that a call cannot do without."""
    parameters = inspect.signature(function).parameters.values()
    return {
        parameter.name: known[parameter.name]
        for parameter in parameters
        if parameter.default is inspect.Parameter.empty and parameter.name != "client"
    }


class Sdk:
    """A release's calls, all of them synchronous or all asynchronous, sent to a console in this process."""

    def __init__(self, release: str, console: Console, *, is_asynchronous: bool = False) -> None:
        self.release = release
        self.console = console
        self._is_asynchronous = is_asynchronous

    def answer(self, operation_id: str, client: Any, **arguments: Any) -> Any:
        """Call an operation by a client of the release; gives the whole answer."""
        call = call_of(self.release, operation_id)
        typed = {name: UUID(value) if name.endswith("_uid") else value for name, value in arguments.items()}
        if self._is_asynchronous:
            return asyncio.run(call.asyncio_detailed(client=client, **typed))
        return call.sync_detailed(client=client, **typed)

    def does(self, operation_id: str, who: Person | str, **arguments: Any) -> Any:
        """Call an operation, which must succeed, as somebody or by his token; gives what the release makes of it."""
        response = self.answer(operation_id, self.client(who), **arguments)
        assert response.status_code == 200, (operation_id, response.content)
        assert _is_whole(response.parsed), operation_id
        return response.parsed

    def refuses(self, status: int, operation_id: str, who: Person | str, **arguments: Any) -> Any:
        """Call an operation, which must be refused; gives the error as the release reads it."""
        response = self.answer(operation_id, self.client(who), **arguments)
        assert response.status_code == status, (operation_id, response.content)
        (error,) = response.parsed.errors
        assert error.message
        return error

    def client(self, who: Person | str, **headers: str) -> Any:
        """Make the release's client, signed in as somebody or with a token of his."""
        token = who if isinstance(who, str) else self.console.services.checker.sign(who.uid)
        client = self._package("").AuthenticatedClient(token=token, **self._settings())
        return client.with_headers(headers)

    def visitor(self) -> Any:
        """Make the release's client of somebody who is not signed in."""
        return self._package("").Client(**self._settings())

    def model(self, name: str, /, **members: Any) -> Any:
        """Make one of the release's models."""
        models = self._package(".models")
        # The last release names some of its models in another way.
        kind = getattr(models, name, None) or getattr(models, f"{name}Type0")
        return kind(**members)

    def patch(self, **values: str) -> list[Any]:
        """Make a JSON Patch that replaces members; the releases' models take texts only."""
        model, word = self._package(".models").JsonPatch, self._package(".models").JsonPatchOp.REPLACE
        return [model(op=word, path=path, value=value) for path, value in values.items()]

    def word(self, enumeration: str, value: str) -> Any:
        """Give a word of one of the release's enumerations."""
        return getattr(self._package(".models"), enumeration)(value)

    def _package(self, part: str) -> Any:
        return importlib.import_module(f"veeam_spc.{self.release}{part}")

    def _settings(self) -> dict[str, Any]:
        # An httpx client is of one kind only, so each call of either kind brings its own.
        asgi = httpx.ASGITransport(self.console.application, client=("192.0.2.9", 40_000))
        transport = asgi if self._is_asynchronous else InProcess(self.console)
        return {
            "base_url": f"https://console.example{BASE}",
            "headers": {"X-Client-Version": (RELEASES | NEWER_RELEASES)[self.release]},
            "httpx_args": {"transport": transport},
            "raise_on_unexpected_status": True,
        }


def _is_whole(parsed: Any) -> bool:
    """Say whether a release reads an answer to the last member: some are parsed only when they are looked at."""
    return (parsed.to_dict() if hasattr(parsed, "to_dict") else parsed) is not None
