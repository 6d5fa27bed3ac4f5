"""Errors in Telegram's own shape."""

from typing import Any

Json = dict[str, Any]

REASONS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    413: "Request Entity Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


class Refused(Exception):
    """A call that is answered with an error; nothing was changed."""

    def __init__(self, why: str, *, status: int = 400, parameters: Json | None = None) -> None:
        reason = REASONS.get(status, "Error")
        self.status = status
        self.body: Json = {
            "ok": False,
            "error_code": status,
            "description": f"{reason}: {why}" if why else reason,
        }
        if parameters:
            self.body["parameters"] = parameters
        super().__init__(self.body["description"])


def forbidden(why: str) -> Refused:
    return Refused(why, status=403)


def flooded(seconds: int) -> Refused:
    return Refused(f"retry after {seconds}", status=429, parameters={"retry_after": seconds})


def bad_markup(why: str) -> Refused:
    return Refused(f"can't parse entities: {why}")
