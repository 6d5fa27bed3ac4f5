"""The official SDK's way to an account without a network between: thousands of lives a minute."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import stripe

from fakes.stripe_server import forms
from fakes.stripe_server.service import Request, Service


class InProcess(stripe.HTTPClient):
    """What a connection would carry, as calls of the account itself."""

    name = "in-process"

    def __init__(self, service: Service) -> None:
        super().__init__()
        self._service = service

    def request(  # type: ignore[override]  # the base class has options that nobody uses
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> tuple[str, int, Mapping[str, str]]:
        address, sent = urlsplit(url), headers or {}
        answer = self._service.answer(
            Request(
                method=method.upper(),
                path=address.path,
                query=forms.decoded(address.query),
                form=forms.decoded(post_data or ""),
                authorization=sent.get("Authorization", ""),
                idempotency_key=sent.get("Idempotency-Key"),
                stripe_version=sent.get("Stripe-Version"),
            )
        )
        if answer is None:
            raise stripe.APIConnectionError("Reset.")  # type: ignore[no-untyped-call]  # the SDK
        return answer.body.decode(), answer.status, answer.headers

    def close(self) -> None:
        """Nothing is open."""
