"""Every error that sloth-agent raises on purpose.

The message says what happened, the hint what to do next; the code stays the same for ever.
"""

from dataclasses import dataclass
from typing import ClassVar, Self


class SlothError(Exception):
    """Base of every error raised on purpose."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str | None = None, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details

    def __reduce__(self) -> tuple[object, ...]:
        return (_restore, (type(self), self.message, self.hint, self.details))


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why something failed, as it is kept: a stable code and a sentence for people."""

    code: str
    message: str

    @classmethod
    def of(cls, error: SlothError, *more: str) -> Self:
        """What happened and what to do, and whatever else is to be said."""
        parts = (error.message, error.hint, *more)
        return cls(code=error.code, message=" ".join(part for part in parts if part))


def _restore(
    kind: type[SlothError], message: str, hint: str | None, details: dict[str, object]
) -> SlothError:
    return kind(message, hint=hint, **details)


class InvalidInput(SlothError):
    """The caller's value cannot be used. Details: field."""

    code = "invalid_input"


class NotFound(SlothError):
    """Nothing of this tenant bears that id."""

    code = "not_found"


class UrlNotAllowed(NotFound):
    """A file's address that leads where nothing is fetched from, such as our own network."""

    code = "url_not_allowed"


class Forbidden(SlothError):
    """Whoever asks may not do this, or not see it."""

    code = "forbidden"


class Conflict(SlothError):
    """The change contradicts what is stored."""

    code = "conflict"


class ChatMoved(Conflict):
    """Somebody handed the chat over meanwhile, or it was erased. Safe to retry."""


class NotSetUp(Conflict):
    """This install does without it: no mail server, no payment provider."""

    code = "not_set_up"


class ClaimLost(SlothError):
    """Somebody else does the job by now, or it was cancelled; nothing of this try is stored."""

    code = "claim_lost"


class JobTimeout(SlothError):
    """The work took longer than a job may. Safe to retry."""

    code = "job_timeout"


class NotSignedIn(SlothError):
    """Nobody said who asks, or not rightly."""

    code = "not_signed_in"


class TokenInvalid(SlothError):
    """A token that is forged, unknown or out of date, or whose session has ended."""

    code = "token_invalid"


class TokenReused(SlothError):
    """A refresh token that came a second time: somebody has a copy. Its session has ended."""

    code = "token_reused"


class LinkInvalid(TokenInvalid):
    """A token of a link, which lets somebody in once: unknown, used or out of date."""


class RequestTooSlow(SlothError):
    """The body of a request did not come in time. Safe to retry."""

    code = "request_timeout"


class HostNotAllowed(SlothError):
    """A server was asked by a name that is not its own."""

    code = "host_not_allowed"


class InProgress(SlothError):
    """The same request is being answered. Safe to retry. Details: retry_after_seconds."""

    code = "in_progress"


class IdempotencyMismatch(SlothError):
    """The key stands for another request."""

    code = "idempotency_mismatch"


class CredentialUnreadable(SlothError):
    """What was sealed cannot be opened with the secret keys that are set."""

    code = "credential_unreadable"


class ArchiveRefused(SlothError):
    """A file that is no archive of ours, is damaged, or comes from a newer release."""

    code = "archive_refused"


class LimitReached(SlothError):
    """The plan's allowance is used up. Details: resource, used, limit, resets_at where it does."""

    code = "limit_reached"


class SeatLimitExceeded(LimitReached):
    """The plan has no room for one more user."""

    code = "seat_limit_exceeded"


class MessageLimitExceeded(LimitReached):
    """All messages of the month are answered."""

    code = "message_limit_exceeded"


class PhotoLimitExceeded(LimitReached):
    """All photos of the month are taken in."""

    code = "photo_limit_exceeded"


class DocumentLimitExceeded(LimitReached):
    """The plan has no room for one more document."""

    code = "document_limit_exceeded"


class StorageLimitExceeded(LimitReached):
    """The plan has no room for so many bytes more."""

    code = "storage_limit_exceeded"


class CostLimitExceeded(LimitReached):
    """The models that the plan pays for in a month have cost as much as it lets them.

    Details: resource and resets_at; the amounts are the operator's.
    """

    code = "cost_limit_exceeded"


class RateLimited(SlothError):
    """Too many tries. Details: retry_after_seconds."""

    code = "rate_limited"


class SubscriptionExpired(SlothError):
    """The firm's subscription has ended; nothing of it is lost. Details: status, ended_at."""

    code = "subscription_expired"


class AssistantClosed(SlothError):
    """Visitors are not answered now; why is the firm's own business."""

    code = "assistant_closed"


class FeatureNotInPlan(SlothError):
    """The firm's plan does not have it. Details: feature, plan."""

    code = "feature_not_in_plan"


class CodeUnknown(SlothError):
    """No such activation code. Details: mistyped."""

    code = "code_unknown"


class CodeUsed(SlothError):
    code = "code_used"


class CodeExpired(SlothError):
    """The activation code is past its date, or was revoked."""

    code = "code_expired"


class ConfigurationError(SlothError):
    """The settings or the machine cannot do what was asked."""

    code = "configuration"


class MissingExtra(ConfigurationError, ImportError):
    """An optional package is not installed. Details: extra."""

    code = "missing_extra"

    @classmethod
    def named(cls, extra: str, *, needed_for: str) -> Self:
        install = f'pip install "sloth-agent[{extra}]"'
        return cls(f"{needed_for} needs the {extra!r} extra.", hint=install, extra=extra)


class NotOffered(SlothError):
    """The HTTP API does not have it; the library does, where the install is."""

    code = "not_offered"


class BackendUnavailable(SlothError):
    """Something outside did not answer after the adapter's own tries. Safe to retry.

    Details: backend.
    """

    code = "backend_unavailable"


class DatabaseUnavailable(BackendUnavailable):
    code = "database_unavailable"


class EmbedderUnavailable(BackendUnavailable):
    code = "embedder_unavailable"


class ModelUnavailable(BackendUnavailable):
    """Details: told, the same for whoever asked, in their language."""

    code = "model_unavailable"


class StorageUnavailable(BackendUnavailable):
    code = "storage_unavailable"


class PaymentUnavailable(BackendUnavailable):
    """The payment provider did not answer; nothing has changed, or it is found out later."""

    code = "payment_unavailable"


class PaymentDeclined(SlothError):
    """The firm's card was refused; nothing has changed."""

    code = "payment_declined"


class ChannelUnavailable(BackendUnavailable):
    """A messenger does not answer."""

    code = "channel_unavailable"


class ChannelRefused(SlothError):
    """A messenger does not take our credentials."""

    code = "channel_refused"


class RecipientGone(SlothError):
    """The person does not take messages from us, or is not there any more."""

    code = "recipient_gone"


class WindowClosed(InvalidInput):
    """The person wrote too long ago to be sent more than what the messenger has approved."""

    code = "window_closed"


class SignatureInvalid(SlothError):
    """A message that says it is from a provider, and cannot prove it."""

    code = "signature_invalid"


class DiskFull(StorageUnavailable):
    code = "disk_full"


class Unexpected(SlothError):
    """A bug of ours met while working on one of many files. Its traceback is in the log."""

    code = "unexpected"

    @classmethod
    def named(cls, error: Exception) -> Self:
        return cls(
            f"A bug kept this file from being learned: unexpected {type(error).__name__}."
            " Run it with --debug and report what it prints."
        )


class UnreadableFile(SlothError):
    """A file whose text cannot be had. The message is a sentence for the file's owner."""

    code = "unreadable_file"


class UnsupportedFile(UnreadableFile):
    """The content is of a kind that has no parser, or not what the name says."""

    code = "unsupported_file"


class FileEncrypted(UnreadableFile):
    code = "file_encrypted"


class FileDamaged(UnreadableFile):
    code = "file_damaged"


class FileEmpty(UnreadableFile):
    code = "file_empty"


class NoText(UnreadableFile):
    """Readable, but without a text layer: a scan, a drawing. Details: pages."""

    code = "no_text"


class FileTooLarge(UnreadableFile):
    code = "file_too_large"


class UnpackedTooLarge(UnreadableFile):
    """Small on disk, but expands beyond a sensible limit."""

    code = "unpacked_too_large"


class TooManyPages(UnreadableFile):
    code = "too_many_pages"


class ParseTimeout(UnreadableFile):
    code = "parse_timeout"


class ParseMemory(UnreadableFile):
    code = "parse_memory"
