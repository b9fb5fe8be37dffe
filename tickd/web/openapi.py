"""OpenAPI 3.1, generated from the types that validate and the table that routes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import inspect

from tickd import __version__
from tickd.web.answers import ErrorAnswer
from tickd.web.rooster import envelope
from tickd.web.routes import Route

_REFERENCE = "#/components/schemas/{name}"
_ALWAYS = (405, 503)
_KEYED = (401, 403, 429)
_WORDS = {
    200: "Done",
    201: "Created",
    202: "Accepted",
    204: "Done, nothing to say",
    400: "A parameter is missing or invalid, or the body is not a JSON object",
    401: "The API key is missing, unknown or revoked",
    402: "A limit of the account is reached",
    403: "The API key lacks the scope",
    404: "There is no such thing in this account",
    405: "The path does not have this method",
    422: "A field is missing, of the wrong type or out of its range",
    409: "The name is taken, or the thing has moved on",
    413: "The body is too large",
    429: "Too many requests; Retry-After says when to come back",
    503: "Not now: the disk is full, the database locked, or the daemon stopping",
}


def document(routes: Iterable[Route], base_url: str) -> dict[str, Any]:
    """The whole document for the documented ones of `routes`."""
    shown = [route for route in routes if route.documented]
    paths: dict[str, dict[str, Any]] = {}
    for route in shown:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    kinds: list[type] = [ErrorAnswer, envelope.Refused]
    for route in shown:
        kinds += [kind for kind in (route.request, *route.answers.values()) if kind]
    _, components = msgspec.json.schema_components(dict.fromkeys(kinds), ref_template=_REFERENCE)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "tickd",
            "version": __version__,
            "description": "Fires cron jobs over HTTP and records every run.",
        },
        "servers": [{"url": base_url}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _identifier(route),
        "summary": route.summary,
        "tags": [route.path.split("/")[2] if route.path.startswith("/v1/") else "daemon"],
        "responses": _responses(route),
    }
    parameters = [_path_parameter(name) for name in re.findall(r"{(\w+)}", route.path)]
    if route.query is not None:
        parameters += _query_parameters(route.query)
    if parameters:
        operation["parameters"] = parameters
    if route.request is not None:
        schema = {"$ref": _REFERENCE.format(name=route.request.__name__)}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    operation["security"] = [] if route.scope is None else [{"bearer": []}, {"key": []}]
    if route.scope is not None:
        operation["description"] = f"Needs a key with the scope `{route.scope}`."
    return operation


def _identifier(route: Route) -> str:
    words = re.findall(r"[a-z]+", route.path.removeprefix("/v1"))
    return "_".join([route.method.lower(), *words])


def _responses(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for status, kind in route.answers.items():
        found[str(status)] = {"description": _WORDS[status]}
        content = _content(kind) if kind is not None else {}
        content |= {media: {} for media in route.also}
        if content:
            found[str(status)]["content"] = content
    refusals = {*route.errors, *_ALWAYS, *(() if route.scope is None else _KEYED)}
    if route.request is not None:
        refusals.add(413)
    shape = envelope.Refused if route.path.startswith(envelope.PREFIXES) else ErrorAnswer
    for status in sorted(refusals - set(route.answers)):
        found[str(status)] = {"description": _WORDS[status], "content": _content(shape)}
    return found


def _content(kind: type) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REFERENCE.format(name=kind.__name__)}}}


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _query_parameters(kind: type) -> list[dict[str, Any]]:
    info = inspect.type_info(kind)
    if not isinstance(info, inspect.StructType):
        raise TypeError(f"{kind} is not a Struct")
    _, components = msgspec.json.schema_components([kind], ref_template=_REFERENCE)
    schemas = components[kind.__name__]["properties"]
    return [
        {"name": one.encode_name, "in": "query", "required": one.required, "schema": schemas[one.encode_name]}
        for one in info.fields
    ]
