"""Problem details (RFC 9457) with the code, the remedy and whether trying again can help."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cloud_bridge.errors import CloudError, InvalidData
from edge.wire.errors import WireError

PROBLEM_JSON = "application/problem+json"
_TITLES = {
    400: "The request is not valid", 401: "Not signed in", 403: "Not allowed", 404: "Not found",
    405: "Method not allowed", 409: "Conflict", 413: "Too large", 415: "Unsupported media type",
    422: "The request is not valid", 429: "Too many requests", 500: "Internal error", 503: "Not available now",
}  # fmt: skip


class Problem(BaseModel):
    """What every error answer holds."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="urn:parcelworks:problem:<code>")
    title: str
    status: int
    code: str = Field(description="Stable, for programs")
    detail: str = Field(description="What is wrong, for people")
    where: str = Field("", description="The member or object it is about")
    remedy: str = Field("", description="What helps")
    retry: str = Field("never", description="never, after_s or after_reset")
    instance: str = Field("", description="The request's id; it stands in the service's log too")


class HttpProblem(CloudError):
    """A refusal that only the HTTP layer makes."""

    def __init__(
        self, status: int, code: str, what: str, *, remedy: str = "", where: str = "",
        headers: Mapping[str, str] | None = None, retry: str = "never",
    ) -> None:  # fmt: skip
        super().__init__(what, where=where, remedy=remedy)
        self.http_status = status
        self.problem_code = code
        self.headers = dict(headers or {})
        self.problem_retry = retry


def answer(problem: Problem, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        status=problem.status,
        body=problem.model_dump_json().encode(),
        content_type=PROBLEM_JSON,
        headers=dict(headers or {}),
    )


def from_error(error: CloudError | WireError, request_id: str) -> web.Response:
    """The answer to a typed error."""
    if isinstance(error, HttpProblem):
        problem = _problem(error.http_status, error.problem_code, error, request_id, error.problem_retry)
        return answer(problem, error.headers)
    status = error.status if isinstance(error, CloudError) else 400
    headers = {"Retry-After": "1"} if status == 503 else {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="parcelworks"'
    return answer(_problem(status, error.code, error, request_id, error.retry), headers)


def _problem(status: int, code: str, error: CloudError | WireError, request_id: str, retry: str) -> Problem:
    return Problem(
        type=f"urn:parcelworks:problem:{code}",
        title=_TITLES.get(status, "Error"),
        status=status,
        code=code,
        detail=error.what,
        where=error.where,
        remedy=error.remedy,
        retry=retry,
        instance=request_id,
    )


def from_status(status: int, detail: str, request_id: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """The answer to an error that has no type of its own: an unknown path, a wrong method, a bug."""
    title = _TITLES.get(status, "Error")
    code = title.lower().replace(" ", "_")
    problem = Problem(
        type=f"urn:parcelworks:problem:{code}", title=title, status=status, code=code, detail=detail, where="",
        retry="never", remedy="See /docs for what exists." if status in (404, 405) else "", instance=request_id,
    )  # fmt: skip
    return answer(problem, headers)


def invalid(error: ValidationError, where: str) -> InvalidData:
    """The first finding of a validation, named by its place."""
    finding: Any = error.errors(include_url=False, include_input=False)[0]
    path = ".".join(str(part) for part in finding["loc"])
    extra = error.error_count() - 1
    also = f" (and {extra} more)" if extra else ""
    return InvalidData(f"{finding['msg']}{also}", where=f"{where}.{path}" if path else where,
                       remedy="See /docs for what this call takes.")  # fmt: skip
