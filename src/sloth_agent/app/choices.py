"""Which backends `auto` means on this machine, and why."""

from dataclasses import dataclass

from sloth_agent.adapters.embedders.local_models import (
    onnx_available,
    sentence_transformers_available,
)
from sloth_agent.knowledge.models import VectorStore
from sloth_agent.settings import Settings

VECTORS_ARE_OFF = (
    "Vectors are off: words alone decide. To turn them on set OPENAI_API_KEY, or install"
    ' "sloth-agent[onnx]" and set SLOTH_EMBEDDING_MODEL; then run `sloth tenants rebuild`.'
)

NONE = "none"

MANUAL = "manual"
"""No payment provider: activation codes and operators give plans."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The backend that will be used, and what made it so."""

    name: str
    reason: str


def embedder_choice(settings: Settings) -> Choice:
    """OpenAI if there is a key, else a local model if there is one, else none."""
    if settings.embedder != "auto":
        return Choice(name=settings.embedder, reason="SLOTH_EMBEDDER says so")
    if settings.openai_api_key is not None:
        return Choice(name="openai", reason="OPENAI_API_KEY is set")
    if onnx_available(settings):
        return Choice(name="onnx", reason="its model is on this machine")
    if sentence_transformers_available(settings):
        return Choice(name="sentence-transformers", reason="its model is on this machine")
    return Choice(name=NONE, reason="no key and no local model")


def chat_choice(settings: Settings) -> Choice:
    """OpenAI, or whatever speaks its language, if there is a key or an address; else quotes."""
    if settings.chat != "auto":
        return Choice(name=settings.chat, reason="SLOTH_CHAT says so")
    if settings.openai_api_key is not None:
        return Choice(name="openai", reason="OPENAI_API_KEY is set")
    if settings.openai_base_url is not None and settings.chat_model is not None:
        return Choice(name="openai", reason="OPENAI_BASE_URL and SLOTH_CHAT_MODEL are set")
    return Choice(name="extractive", reason="no model is configured; answers are quotes")


def advice(space: str | None, index: VectorStore) -> list[str]:
    """What a person should know about how their documents are searched.

    `space` is that of the chosen embedder, None without one.
    """
    if space == index.space:
        return [] if space else [VECTORS_ARE_OFF]
    had, wanted = index.space or "no embedding model", space or "words alone"
    return [f"The index was built with {had}; run `sloth tenants rebuild` to use {wanted}."]


def jobs_choice(settings: Settings) -> str:
    """Who brings work to workers; `auto` is Celery where there is a Redis."""
    if settings.jobs != "auto":
        return settings.jobs
    return "embedded" if settings.redis_url is None else "celery"


def payments_choice(settings: Settings) -> str:
    """Who takes money; `auto` is Stripe where there is a key."""
    if settings.payments != "auto":
        return settings.payments
    return MANUAL if settings.stripe_secret_key is None else "stripe"


def refuses_webhooks(settings: Settings) -> bool:
    """Whether Stripe takes the money, and nobody can tell its messages from others'."""
    secrets = settings.stripe_webhook_secret
    has_none = secrets is None or not secrets.get_secret_value().strip(", ")
    return payments_choice(settings) == "stripe" and has_none


HEARS_NOTHING = "Every webhook of Stripe's is refused: STRIPE_WEBHOOK_SECRET is not set."
