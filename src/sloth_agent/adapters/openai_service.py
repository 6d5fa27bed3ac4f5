"""OpenAI, or any server that speaks like it: where it is, and what its errors mean to us."""

import json
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime

from sloth_agent.adapters.outgoing import TryAgain
from sloth_agent.errors import BackendUnavailable, ConfigurationError, MissingExtra
from sloth_agent.settings import Settings

try:
    import openai
except ModuleNotFoundError as error:
    raise MissingExtra.named("openai", needed_for="OpenAI") from error

CONNECT_SECONDS = 5.0
"""A server that is there accepts within a round trip; more only delays the next try."""

LONGEST_REASON = 200


def open_client(settings: Settings, *, read_seconds: float) -> openai.AsyncOpenAI:
    """The caller closes it. Deadlines and tries are `outgoing`'s, not the SDK's.

    Raises:
        ConfigurationError: no key for a server that surely wants one.
    """
    if settings.openai_api_key is not None:
        key = settings.openai_api_key.get_secret_value().strip()
    elif settings.openai_base_url is not None:
        key = "none"  # servers of one's own rarely ask for one; the SDK insists on some value
    else:
        raise ConfigurationError("OpenAI has no key.", hint="Set OPENAI_API_KEY.")
    if not (key.isascii() and key.isprintable()):
        raise ConfigurationError("OPENAI_API_KEY holds signs that no key has.")
    address = settings.openai_base_url or "https://api.openai.com/v1"
    if not address.startswith(("http://", "https://")):
        raise ConfigurationError(
            "OPENAI_BASE_URL is no web address.", hint="Such as http://localhost:11434/v1."
        )
    return openai.AsyncOpenAI(
        api_key=key,
        base_url=address,
        timeout=openai.Timeout(read_seconds, connect=CONNECT_SECONDS),
        max_retries=0,
    )


def is_openai_itself(client: openai.AsyncOpenAI) -> bool:
    """Other servers know less of the protocol and are often slower."""
    return client.base_url.host == "api.openai.com"


def name_of(client: openai.AsyncOpenAI) -> str:
    """For people: who did not answer."""
    return (
        "OpenAI"
        if is_openai_itself(client)
        else f"The model server {client.base_url.netloc.decode()}"
    )


@contextmanager
def as_our_errors(service: str, unavailable: type[BackendUnavailable]) -> Iterator[None]:
    """What the SDK raises becomes `TryAgain` where another try may help, else one of ours."""
    try:
        yield
    except openai.APITimeoutError as error:
        raise TryAgain("did not answer in time") from error
    except openai.APIConnectionError as error:
        raise TryAgain("cannot be reached or cut the connection") from error
    except openai.APIStatusError as error:
        raise _for_status(error, service, unavailable) from error
    except (openai.OpenAIError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise TryAgain("sent an answer that cannot be read") from error


def _for_status(
    error: openai.APIStatusError, service: str, unavailable: type[BackendUnavailable]
) -> Exception:
    status = error.status_code
    if status in {401, 403}:
        return ConfigurationError(
            f"{service} refused the key (status {status}).", hint="Check OPENAI_API_KEY."
        )
    if status == 404:
        return ConfigurationError(
            f"{service} has no such model or address: {_reason(error)}",
            hint="Check SLOTH_CHAT_MODEL, SLOTH_EMBEDDING_MODEL and OPENAI_BASE_URL.",
        )
    if error.code == "insufficient_quota":
        return unavailable(
            f"{service}: the account has no credit left.",
            hint="Add credit there, or set another key.",
            backend=service,
        )
    if status in {408, 409, 429} or status >= 500:
        return TryAgain(
            "limits our rate" if status == 429 else f"failed with status {status}",
            retry_after=seconds_to_wait(error.response.headers),
            down=status >= 500,
        )
    return unavailable(f"{service} refused the request: {_reason(error)}", backend=service)


def _reason(error: openai.APIStatusError) -> str:
    said = error.body.get("message") if isinstance(error.body, Mapping) else None
    return " ".join(str(said or f"status {error.status_code}").split())[:LONGEST_REASON]


def seconds_to_wait(
    headers: Mapping[str, str], now: Callable[[], float] = time.time
) -> float | None:
    """What `Retry-After` asks for: seconds or a date; None where it says nothing we understand."""
    exact, plain = headers.get("retry-after-ms"), headers.get("retry-after")
    try:
        if exact is not None:
            return max(0.0, float(exact) / 1000)
        return None if plain is None else max(0.0, float(plain))
    except ValueError:
        return None if plain is None else _seconds_until(plain, now())


def _seconds_until(date: str, now: float) -> float | None:
    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - now)
    except ValueError:
        return None


def knock(client: openai.AsyncOpenAI) -> Callable[[], Awaitable[None]]:
    """A cheap question that a working server answers at once, be it with a refusal."""

    async def ask() -> None:
        try:
            await client.models.list()
        except openai.APIStatusError as error:
            if error.status_code >= 500:
                raise TryAgain(f"failed with status {error.status_code}") from error
        except (openai.APIConnectionError, json.JSONDecodeError) as error:
            raise TryAgain("cannot be reached") from error

    return ask
