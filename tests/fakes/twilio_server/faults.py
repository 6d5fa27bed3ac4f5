"""What goes wrong between a client and Twilio."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Of the next request that it is meant for.

    It comes before the work, unless it says otherwise: then nothing was done. Twilio knows no
    idempotency keys: whoever tries again after work that was done does it twice.
    """

    status: int | None = None  # such as 429, 500, 503
    retry_after: int | None = None  # seconds, the header of a 429
    hang_seconds: float = 0
    refuse: bool = False  # the connection is reset
    bad_json: bool = False  # 201, the work is done, its answer is cut in the middle
    commit_then_drop: bool = False  # the work is done, the connection is reset
    commit_then_status: int | None = None  # done, and answered by an error of the server
    method: str | None = None  # None: of any request
    path: str = ""  # what stands in the path, such as `/Messages`

    def meant_for(self, method: str, path: str) -> bool:
        return self.method in (None, method) and self.path in path
