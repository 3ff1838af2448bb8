"""OpenAPI 3.1 from the route table: what is declared is what is enforced is what is documented."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from cloud_bridge.access.model import LINKS, Permission
from cloud_bridge.http.problem import PROBLEM_JSON, Problem
from cloud_bridge.http.route import JSON, PATH_PARAMS, Route

_OPEN = LINKS | {Permission.PUBLIC}


def document(routes: Sequence[Route], version: str) -> dict[str, Any]:
    """The API's description."""
    shown = [route for route in routes if not route.hidden]
    models: list[type[BaseModel]] = [Problem]
    for route in shown:
        models += [model for model in (route.body, route.reply) if model is not None and model not in models]
    schemas = _schemas(models)
    paths: dict[str, dict[str, Any]] = {}
    for route in shown:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Parcelworks cloud bridge",
            "version": version,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "pw_session"},
            },
        },
    }


def _schemas(models: Sequence[type[BaseModel]]) -> dict[str, Any]:
    pairs = [(model, "validation") for model in models]
    _, definitions = models_json_schema(pairs, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    found: dict[str, Any] = definitions.get("$defs", {})
    return found


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "tags": [route.tag],
        "x-permission": route.permission.value,
        "parameters": _parameters(route),
        "responses": _responses(route),
        "security": [] if route.permission in _OPEN else [{"token": []}, {"session": []}],
    }
    if route.takes_body:
        operation["requestBody"] = {"required": True, "content": _body_content(route)}
    return operation


def _operation_id(route: Route) -> str:
    words = [part.strip("{}").replace(".", "_") for part in route.path.strip("/").split("/") if part]
    return "_".join([route.method.lower(), *words]) or route.method.lower()


def _body_content(route: Route) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for kind in route.accepts:
        if route.body is not None:
            content[kind] = {"schema": {"$ref": f"#/components/schemas/{route.body.__name__}"}}
        elif kind.startswith("text/"):
            content[kind] = {"schema": {"type": "string"}}
        else:
            content[kind] = {"schema": {"type": "string", "contentMediaType": kind}}
    return content


def _parameters(route: Route) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {
            "name": name, "in": "path", "required": True, "description": PATH_PARAMS[name].meaning,
            "schema": {"type": "string", "pattern": f"^{PATH_PARAMS[name].pattern}$"},
        }
        for name in route.param_names
    ]  # fmt: skip
    if route.query is not None:
        schema = route.query.model_json_schema()
        for name, prop in schema.get("properties", {}).items():
            required = name in schema.get("required", ())
            found.append({"name": name, "in": "query", "required": required, "schema": _plain(prop)})
    if route.creates:
        found.append(
            {
                "name": "Idempotency-Key", "in": "header", "required": True,
                "description": "Any text of 8 to 64 characters; the same key gives the same answer for a day",
                "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{8,64}$"},
            }
        )  # fmt: skip
    return found


def _plain(prop: dict[str, Any]) -> dict[str, Any]:
    """A query member's schema without the null that an absent one stands for."""
    kinds = [kind for kind in prop.get("anyOf", ()) if kind.get("type") != "null"]
    plain = {**{key: value for key, value in prop.items() if key != "anyOf"}, **(kinds[0] if kinds else {})}
    return {key: value for key, value in plain.items() if key != "default" or value is not None}


def _responses(route: Route) -> dict[str, Any]:
    success: dict[str, Any] = {"description": "Done"}
    if route.reply is not None:
        success["content"] = {JSON: {"schema": {"$ref": f"#/components/schemas/{route.reply.__name__}"}}}
    elif route.reply_type != JSON:
        success["content"] = {route.reply_type: {"schema": {"type": "string"}}}
    problem = {"content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    statuses = [(429, "Too many requests"), (503, "Not available now")]
    if route.permission not in _OPEN:
        statuses += [(401, "Not signed in"), (403, "Not allowed")]
    if route.takes_body or route.query is not None or route.creates:
        statuses += [(400, "Not valid")]
    if route.takes_body:
        statuses += [(413, "Too large"), (415, "Unsupported media type")]
    if route.param_names or route.query is not None:
        statuses += [(404, "Not found")]
    if route.mode != "read":
        statuses += [(404, "Not found"), (409, "Conflict")]
    responses = {str(status): {"description": text, **problem} for status, text in sorted(set(statuses))}
    return {str(route.status): success, **responses}
