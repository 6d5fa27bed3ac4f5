"""Idempotency keys: a request sent twice is done once."""

from dataclasses import dataclass, field

from fakes.stripe_server.forms import Form
from fakes.stripe_server.periods import DAY
from fakes.stripe_server.refusals import Refused


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def kept(self) -> bool:
        """What never began to be done may be tried again under its key."""
        return self.status < 400 or self.status == 402 or self.status >= 500


@dataclass
class _Use:
    path: str
    form: Form
    at: int
    answer: Answer | None = None  # None: it is being made


@dataclass
class Keys:
    """Kept for a day of the account's own time."""

    _uses: dict[str, _Use] = field(default_factory=dict)

    def take(self, key: str, *, path: str, form: Form, now: int) -> Answer | None:
        """The answer of the first time; None, when this is it.

        Raises:
            Refused: the key was for something else, or its request is under way.
        """
        use = self._uses.get(key)
        if use is None or use.at + DAY <= now:
            self._uses[key] = _Use(path=path, form=form, at=now)
            return None
        if (use.path, use.form) != (path, form):
            message = (
                "Keys for idempotent requests can only be used with the same parameters they were"
                f" first used with. Try using a key other than '{key}'."
            )
            raise Refused(message, type="idempotency_error")
        if use.answer is None:
            message = f"Another request with the key '{key}' is in progress."
            raise Refused(
                message, status=409, type="idempotency_error", code="idempotency_key_in_use"
            )
        return use.answer

    def keep(self, key: str, answer: Answer) -> None:
        if answer.kept:
            self._uses[key].answer = answer
        else:
            self.release(key)

    def release(self, key: str) -> None:
        self._uses.pop(key, None)
