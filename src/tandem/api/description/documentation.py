"""The API's description, and pages to browse it: Swagger UI from its package, so nothing is fetched from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from starlette.responses import HTMLResponse, Response

from tandem.api.description import openapi
from tandem.api.http.call import Call
from tandem.api.http.envelope import JsonResponse
from tandem.api.http.operations import Operation
from tandem.domain.errors import NotFound

PACKAGE = "mkdocs_swagger_ui_tag"
_FILES = {
    "swagger-ui.css": ("stylesheets/swagger-ui.css", "text/css; charset=utf-8"),
    "swagger-ui.js": ("javascripts/swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
}
# Scripts of ours alone; Swagger UI sets styles on its elements.
_POLICY = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src data:; connect-src 'self'"

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tandem: the API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" href="data:,">
</head>
<body>
<div id="api"></div>
<script src="/docs/swagger-ui.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
START = """SwaggerUIBundle({
  url: "%s/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  docExpansion: "none",
  filter: true,
  tagsSorter: "alpha",
  tryItOutEnabled: true,
  validatorUrl: null,
});
"""


def description_of(operations: Callable[[], Sequence[Operation]], base: str) -> Callable[[Call], Response]:
    """Make the handler that describes operations; they are asked for late, as it is one of them."""

    def get_openapi(call: Call) -> Response:
        """Get this description."""
        del call
        return JsonResponse(openapi.encoded(tuple(operations()), base))

    return get_openapi


def get_page(call: Call) -> Response:
    """Show the page on which the API is browsed."""
    del call
    return HTMLResponse(PAGE, headers={"Content-Security-Policy": _POLICY})


def get_start(call: Call) -> Response:
    """Give the page's own script."""
    del call
    return Response(START % "/api/v3", media_type="text/javascript")


def get_file(call: Call) -> Response:
    """Give a file of Swagger UI; raises NotFound for any other."""
    name = call.path["file"]
    if name not in _FILES:
        raise NotFound(f"There is nothing at /docs/{name[:100]}.")
    path, content_type = _FILES[name]
    return Response(_read(path), headers={"Content-Type": content_type, "Cache-Control": "max-age=3600"})


def _read(path: str) -> bytes:
    # Found without importing it: the package is a plug-in of something that is not here.
    spec = find_spec(PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    return (Path(folders[0]) / "swagger-ui" / path).read_bytes()
