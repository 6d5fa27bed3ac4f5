"""Errors in Twilio's own shape, and what their numbers mean."""

from typing import Any

Json = dict[str, Any]

# Of a message that was accepted and did not arrive: they come by status callback.
FAILURES = {
    63014: "Channel message blocked by user action",
    63015: "Channel Sandbox can only send messages to phone numbers that have joined the Sandbox",
    63016: "Failed to send freeform message because you are outside the allowed window.",
    63021: "Channel invalid content error",
    63024: "Invalid message recipient",
    63028: "Number of parameters provided does not match the expected number of parameters",
}


class Refused(Exception):
    """A request that is answered with an error; nothing was changed."""

    def __init__(self, code: int, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
        self.headers = {"WWW-Authenticate": 'Basic realm="Twilio API"'} if status == 401 else {}
        self.error: Json = {
            "code": code,
            "message": message,
            "more_info": f"https://www.twilio.com/docs/errors/{code}",
            "status": status,
        }


def not_found(path: str) -> Refused:
    return Refused(20404, f"The requested resource {path} was not found", status=404)


def not_authenticated() -> Refused:
    return Refused(20003, "Authenticate", status=401)


def too_many_requests() -> Refused:
    return Refused(20429, "Too Many Requests", status=429)


def left_out(what: str) -> Refused:
    """Better than to accept what would then not happen."""
    return Refused(20001, f"Invalid parameter: the simulation leaves out {what}.")
