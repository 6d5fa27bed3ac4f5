"""Errors in Stripe's own shape."""

from typing import Any

Json = dict[str, Any]


class Refused(Exception):
    """A request that is answered with an error; nothing was changed."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        decline_code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        about = {"code": code, "param": param, "decline_code": decline_code}
        self.error: Json = {"type": type, "message": message}
        self.error |= {name: value for name, value in about.items() if value is not None}


def no_such(kind: str, id: str, *, param: str = "id") -> Refused:
    """Stripe says 404 for an id in the address, and 400 for one in a parameter."""
    status = 404 if param == "id" else 400
    return Refused(f"No such {kind}: '{id}'", status=status, code="resource_missing", param=param)


def missing(param: str) -> Refused:
    return Refused(f"Missing required param: {param}.", code="parameter_missing", param=param)


def invalid(param: str, why: str) -> Refused:
    return Refused(f"Invalid {param}: {why}", code="parameter_invalid", param=param)


def declined() -> Refused:
    return Refused(
        "Your card was declined.",
        status=402,
        type="card_error",
        code="card_declined",
        decline_code="generic_decline",
    )
