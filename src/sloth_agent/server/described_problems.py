"""What each error means to whoever reads the API's description."""

from collections.abc import Mapping
from typing import Any

from sloth_agent import errors
from sloth_agent.errors import SlothError
from sloth_agent.server.example_problems import example_problems
from sloth_agent.server.problems import MEDIA_TYPE, Problem, problem_body, status_of

MEANINGS: Mapping[type[SlothError], str] = {
    errors.HostNotAllowed: "The server does not go by the name in `Host`.",
    errors.NotSignedIn: "No token and no key came, or e-mail address and password do not fit.",
    errors.TokenInvalid: "The token or key is out of date, revoked or none. Refresh, or sign in.",
    errors.TokenReused: "The refresh token was used before: its session has ended. Sign in again.",
    errors.SubscriptionExpired: "The trial or subscription has ended. Nothing is lost.",
    errors.Forbidden: "Not for whoever asks: the operation says who may.",
    errors.FeatureNotInPlan: "The plan does not have `feature`. A higher one may.",
    errors.AssistantClosed: "The chat is closed to visitors now. Show `detail`; do not try again.",
    errors.DocumentLimitExceeded: "The plan has no room for one more document: delete one.",
    errors.PhotoLimitExceeded: "All photos of the month are taken in: wait for `resets_at`.",
    errors.StorageLimitExceeded: "The plan has no room for so many bytes more: delete something.",
    errors.SeatLimitExceeded: "The plan has no room for one more user.",
    errors.LinkInvalid: "The link was used, or is out of date. Ask for another one.",
    errors.NotFound: "There is no such thing, or it is another organization's.",
    errors.CodeUnknown: "There is no such code: it is mistyped.",
    errors.RequestTooSlow: "The body did not come in time. Safe to send again.",
    errors.Conflict: "It contradicts what is there.",
    errors.NotSetUp: "This install does without it, such as mail or payments. Do not offer it.",
    errors.InProgress: "The same request is being answered. Send it again in a moment.",
    errors.CodeUsed: "The code was used already.",
    errors.CodeExpired: "The code is past its date, or was revoked.",
    errors.FileTooLarge: "More bytes than are taken at once.",
    errors.FileEmpty: "There is nothing in the file.",
    errors.FileEncrypted: "The file needs a password: save a copy without one.",
    errors.FileDamaged: "The file is broken or cut off: export or copy it again.",
    errors.UnsupportedFile: "A kind of file that is not read, or not what its name says.",
    errors.InvalidInput: "Something in the request cannot be used: `errors` names the fields.",
    errors.IdempotencyMismatch: "The `Idempotency-Key` came with another request before.",
    errors.MessageLimitExceeded: "All messages of the month are answered: wait for `resets_at`.",
    errors.CostLimitExceeded: "The month's models are used up: wait for `resets_at`.",
    errors.RateLimited: "Too many requests: wait for `Retry-After` seconds.",
    errors.Unexpected: "A bug of ours. Tell the request id to who runs the server.",
    errors.DatabaseUnavailable: "The database does not answer. Safe to send again.",
    errors.EmbedderUnavailable: "What searches does not answer. Safe to send again.",
    errors.ModelUnavailable: "The model does not answer. Safe to send again.",
    errors.ChannelRefused: "The messenger does not take these credentials.",
    errors.ChannelUnavailable: "The messenger does not answer. Safe to send again.",
    errors.WindowClosed: "They wrote too long ago: the messenger lets nobody write before them.",
    errors.RecipientGone: "The person does not take messages from the firm any more.",
    errors.PaymentUnavailable: "The payment provider does not answer; nothing has changed.",
    errors.PaymentDeclined: "The card was declined; nothing has changed.",
    errors.SignatureInvalid: "The message is not from the provider, or too old.",
    errors.StorageUnavailable: "Where files are kept does not answer. Safe to send again.",
    errors.DiskFull: "There is no room on the server: tell who runs it.",
    errors.BackendUnavailable: "Something outside does not answer. Safe to send again.",
}
"""In sentences for those who build against the API: what happened, and what to do."""

A_REQUEST = "01a2246c423b748eb1121529baf954aa"

Responses = dict[int | str, dict[str, Any]]


def problems(*kinds: type[SlothError]) -> Responses:
    """Describe errors that a route may answer with.

    What any route may answer is added by `description`: it need not be named.
    """
    responses: Responses = {}
    add_problems(responses, *kinds)
    return responses


def add_problems(responses: Responses, *kinds: type[SlothError]) -> None:
    """Describe further errors beside those that are described already."""
    for kind in kinds:
        response = responses.setdefault(str(status_of(kind)), _none_yet())
        examples = response["content"][MEDIA_TYPE]["examples"]
        if kind.code not in examples:
            examples[kind.code] = {"$ref": f"#/components/examples/{kind.__name__}"}
            line = f"- `{kind.code}`: {MEANINGS[kind]}"
            response["description"] = f"{response['description']}\n{line}".lstrip()


def codes_in(responses: Responses) -> list[str]:
    """Of the errors that are described so far."""
    told = (each.get("content", {}).get(MEDIA_TYPE, {}) for each in responses.values())
    return [code for content in told for code in content.get("examples", {})]


def problem_examples() -> dict[str, dict[str, Any]]:
    """What `problems` refers to, by name."""
    telling = {type(error): error for error in example_problems()}
    return {
        kind.__name__: {
            "summary": meaning,
            "value": problem_body(telling.get(kind, _simply(kind, meaning)), request_id=A_REQUEST),
        }
        for kind, meaning in MEANINGS.items()
    }


def _simply(kind: type[SlothError], meaning: str) -> SlothError:
    return kind(meaning.replace("`", ""))


def _none_yet() -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    return {"description": "", "content": {MEDIA_TYPE: {"schema": schema, "examples": {}}}}
