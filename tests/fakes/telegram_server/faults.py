"""What goes wrong between a bot and Telegram."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Of the next call that it is meant for.

    It comes before the work, unless it says otherwise: then nothing was done.
    """

    status: int | None = None  # such as 429, 500, 502
    retry_after: int | None = None  # seconds, in the body and in the header
    hang_seconds: float = 0
    refuse: bool = False  # the connection is reset
    bad_json: bool = False  # 200, the work is done, its answer is cut in the middle
    commit_then_drop: bool = False  # the work is done, the connection is reset
    commit_then_hang_seconds: float = 0  # the work is done, its answer comes late
    commit_then_status: int | None = None  # done, and answered by an error of the server
    method: str | None = None  # such as `sendMessage`, `file` for a download; None: of any call
    chat_id: int | None = None  # None: of any chat

    def meant_for(self, method: str, chat_id: object) -> bool:
        return self.method in (None, method) and (
            self.chat_id is None or str(self.chat_id) == str(chat_id)
        )
