"""Stripe, through its own SDK. Its calls block, and are made in threads."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

import anyio.to_thread

from sloth_agent.adapters.outgoing import Line, Patience, TryAgain
from sloth_agent.adapters.payments.stripe_objects import (
    ORGANIZATION,
    PLAN,
    charge_of,
    due_since,
    has_begun,
    invoice_of,
    is_due,
    moment,
    price_of,
    subscription_of,
    units_of,
)
from sloth_agent.billing.states import BillingCycle
from sloth_agent.errors import (
    ConfigurationError,
    Conflict,
    MissingExtra,
    NotFound,
    PaymentDeclined,
    PaymentUnavailable,
    SignatureInvalid,
)
from sloth_agent.ids import new_id
from sloth_agent.payments.models import (
    Charge,
    Contact,
    InvoicePage,
    Order,
    Page,
    PaymentEvent,
    Price,
    RemoteSubscription,
)
from sloth_agent.settings import Settings

try:
    import stripe
except ModuleNotFoundError as error:
    raise MissingExtra.named("stripe", needed_for="Taking payments with Stripe") from error

T = TypeVar("T")

API_VERSION = "2026-10-28.endive"
"""What this adapter was written for; the account's own may be another."""

PATIENCE = Patience(call_seconds=9.0, try_seconds=5.0, pause_seconds=0.3)

TOLERANCE_SECONDS = 300
"""How old a message of Stripe's may be."""

PAGE = 100

_INTERVALS = {BillingCycle.MONTHLY: "month", BillingCycle.YEARLY: "year"}

_WITH_ENDED = {"status": "all"}
_WITH_CHARGE = {"expand": ["data.charge"]}

_ASKING_THE_BANK = {"authentication_required", "subscription_payment_intent_requires_action"}


class StripePayments:
    """`PaymentProvider`."""

    def __init__(self, client: stripe.StripeClient, *, webhook_secrets: Sequence[str]) -> None:
        self._v1 = client.v1
        self._secrets = webhook_secrets
        self._line = Line(
            "Stripe", unavailable=PaymentUnavailable, patience=PATIENCE, knock=self._knock
        )

    async def check(self) -> str:
        await self._call(lambda: self._v1.prices.list({"limit": 1}))
        return "Stripe answers."

    async def create_customer(self, contact: Contact, *, key: str) -> str:
        customer: Any = {
            "name": contact.name,
            "preferred_locales": [contact.language],
            "metadata": {ORGANIZATION: str(contact.organization)},
        }
        if contact.email is not None:
            customer["email"] = contact.email
        return (await self._call(lambda: self._v1.customers.create(customer, _once(key)))).id

    async def begin_checkout(self, order: Order, *, key: str) -> Page:
        about = {ORGANIZATION: str(order.organization)}
        subscription: dict[str, Any] = {"metadata": about}
        if order.trial_end is not None:
            subscription["trial_end"] = int(order.trial_end.timestamp())
        wanted: Any = {
            "mode": "subscription",
            "customer": order.customer,
            "client_reference_id": str(order.organization),
            "line_items": [{"price": order.price, "quantity": 1}],
            "subscription_data": subscription,
            "success_url": order.success_url,
            "cancel_url": order.cancel_url,
        }
        made = await self._call(lambda: self._v1.checkout.sessions.create(wanted, _once(key)))
        return Page(id=made.id, url=str(made.url), expires_at=moment(made.expires_at))

    async def end_checkout(self, id: str) -> bool:
        try:
            await self._call(lambda: self._v1.checkout.sessions.expire(id))
        except NotFound:
            return True
        except Conflict:
            found = await self._call(lambda: self._v1.checkout.sessions.retrieve(id))
            if found.status == "open":
                raise
            return found.status != "complete"
        return True

    async def subscriptions(self, customer: str) -> Sequence[RemoteSubscription]:
        wanted = {"customer": customer, **_WITH_ENDED}
        return [
            each
            async for page in self._pages(self._v1.subscriptions.list, wanted)
            for each in await self._begun(page)
        ]

    async def all_subscriptions(self) -> AsyncIterator[Sequence[RemoteSubscription]]:
        async for page in self._pages(self._v1.subscriptions.list, _WITH_ENDED):
            yield await self._begun(page)

    async def _begun(self, page: Sequence[Mapping[str, Any]]) -> Sequence[RemoteSubscription]:
        return [
            subscription_of(each, past_due_since=await self._past_due_since(each))
            for each in page
            if has_begun(each)
        ]

    async def _past_due_since(self, subscription: Mapping[str, Any]) -> datetime | None:
        """Of the oldest invoice that is open."""
        if not is_due(subscription):
            return None
        wanted = {"subscription": subscription["id"], "status": "open"}
        since = [
            due_since(each)
            async for page in self._pages(self._v1.invoices.list, wanted)
            for each in page
        ]
        return min(since, default=None)

    async def change_price(self, subscription: RemoteSubscription, price: str, *, key: str) -> None:
        change: Any = {
            "items": [{"id": subscription.item, "price": price}],
            "proration_behavior": "always_invoice",
            "payment_behavior": "error_if_incomplete",
        }
        await self._call(lambda: self._v1.subscriptions.update(subscription.id, change, _once(key)))

    async def cancel(self, id: str, *, at_period_end: bool, key: str) -> None:
        def now() -> object:
            return self._v1.subscriptions.cancel(id, {}, _once(key))

        def later() -> object:
            change: Any = {"cancel_at_period_end": True}
            return self._v1.subscriptions.update(id, change, _once(key))

        with suppress(NotFound):  # it has ended
            await self._call(later if at_period_end else now)

    async def resume(self, subscription: RemoteSubscription, *, key: str) -> None:
        change: Any = {"cancel_at": ""}
        if subscription.cancel_at_period_end:
            change = {"cancel_at_period_end": False}
        await self._call(lambda: self._v1.subscriptions.update(subscription.id, change, _once(key)))

    async def knows(self, customer: str) -> bool:
        try:
            found = await self._call(lambda: self._v1.customers.retrieve(customer))
        except NotFound:
            return False
        return not found.to_dict().get("deleted", False)

    async def open_portal(self, customer: str, *, return_url: str) -> str:
        wanted: Any = {"customer": customer, "return_url": return_url}
        return (await self._call(lambda: self._v1.billing_portal.sessions.create(wanted))).url

    async def invoices(self, customer: str, *, after: str | None, limit: int) -> InvoicePage:
        wanted: Any = {"customer": customer, "limit": limit}
        if after is not None:
            wanted["starting_after"] = after
        found = await self._call(lambda: self._v1.invoices.list(wanted))
        invoices = [invoice_of(each.to_dict()) for each in found.data]
        return InvoicePage(invoices, has_more=found.has_more)

    async def charges(self, customer: str, *, since: datetime) -> Sequence[Charge]:
        wanted = {"customer": customer, **_made(since)}
        return [
            charge_of(each)
            async for page in self._pages(self._v1.charges.list, wanted)
            for each in page
        ]

    async def all_charges(self, *, since: datetime) -> AsyncIterator[Sequence[Charge]]:
        async for page in self._pages(self._v1.charges.list, _made(since)):
            yield [charge_of(each) for each in page if each["customer"] is not None]
        for listed in (self._v1.refunds.list, self._v1.disputes.list):
            async for page in self._pages(listed, {**_made(since), **_WITH_CHARGE}):
                charges = [each["charge"] for each in page]
                yield [charge_of(each) for each in charges if each and each["customer"] is not None]

    async def charge(self, id: str) -> Charge:
        return charge_of((await self._call(lambda: self._v1.charges.retrieve(id))).to_dict())

    async def prices(self) -> Sequence[Price]:
        return [
            price_of(each)
            async for page in self._pages(self._v1.prices.list, {"active": True})
            for each in page
            if PLAN in each["metadata"]
        ]

    async def offer(self, plan: str, name: str) -> None:
        id = _product_of(plan)
        try:
            await self._call(lambda: self._v1.products.update(id, {"name": name, "active": True}))
        except NotFound:
            product: Any = {"id": id, "name": name, "metadata": {PLAN: plan}}
            await self._call(lambda: self._v1.products.create(product, _once(id)))

    async def set_price(
        self, plan: str, cycle: BillingCycle, amount: Decimal, currency: str
    ) -> Price:
        wanted: Any = {
            "product": _product_of(plan),
            "currency": currency.lower(),
            "unit_amount": units_of(amount, currency),
            "recurring": {"interval": _INTERVALS[cycle]},
            "lookup_key": f"{_product_of(plan)}_{cycle}",
            "transfer_lookup_key": True,
            "metadata": {PLAN: plan},
        }
        once = _once(new_id().hex)
        return price_of((await self._call(lambda: self._v1.prices.create(wanted, once))).to_dict())

    async def withdraw(self, price: Price) -> None:
        await self._call(lambda: self._v1.prices.update(price.id, {"active": False}))

    def read_event(self, body: bytes, signature: str) -> PaymentEvent:
        for secret in self._secrets:
            try:
                stripe.WebhookSignature.verify_header(
                    body.decode(), signature, secret, TOLERANCE_SECONDS
                )
            except (stripe.SignatureVerificationError, UnicodeDecodeError):
                continue
            return _told(body)
        raise SignatureInvalid("The message is not signed by Stripe, or too old.")

    async def _pages(
        self, listed: Callable[[Any], Any], wanted: Mapping[str, Any]
    ) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        """Newest first; none of a customer that Stripe does not know."""
        after: dict[str, str] = {}
        while True:
            asked = {**wanted, "limit": PAGE, **after}
            try:
                page = await self._call(lambda asked=asked: listed(asked))  # type: ignore[misc]
            except NotFound:
                if after:
                    raise  # half a list is none
                return
            yield [each.to_dict() for each in page.data]
            if not page.has_more:
                return
            after = {"starting_after": page.data[-1].id}

    async def _call(self, request: Callable[[], T]) -> T:
        async def attempt() -> T:
            try:
                return await anyio.to_thread.run_sync(request, abandon_on_cancel=True)
            except stripe.StripeError as error:
                raise _ours(error) from error

        return await self._line.call(attempt)

    async def _knock(self) -> None:
        try:
            await anyio.to_thread.run_sync(
                lambda: self._v1.prices.list({"limit": 1}), abandon_on_cancel=True
            )
        except stripe.StripeError as error:
            raise TryAgain("cannot be reached") from error


def _made(since: datetime) -> Mapping[str, Any]:
    return {"created": {"gte": int(since.timestamp())}}


def _once(key: str) -> Any:
    return {"idempotency_key": key}


def _product_of(plan: str) -> str:
    return f"sloth_{plan}"


def _told(body: bytes) -> PaymentEvent:
    """Raises:
    SignatureInvalid: somebody has signed what is no event.
    """
    try:
        return _event(json.loads(body))
    except (LookupError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise SignatureInvalid("The message is signed, and is no event of Stripe's.") from error


def _event(told: Mapping[str, Any]) -> PaymentEvent:
    about = told["data"]["object"]
    is_about_a_charge = about["object"] in ("dispute", "refund")
    customer = about["id"] if about["object"] == "customer" else about.get("customer")
    subject = (about["charge"] if is_about_a_charge else about.get("id")) or told["id"]
    return PaymentEvent(
        id=_text(told["id"]),
        type=_text(told["type"]),
        customer=None if customer is None else _text(customer),
        subject=_text(subject),
        created_at=moment(told["created"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise TypeError("no name of anything")
    value.encode()  # half a sign is none
    return value


def _ours(error: stripe.StripeError) -> Exception:
    if isinstance(error, stripe.APIConnectionError):
        return TryAgain("cannot be reached or cut the connection")
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        return PaymentUnavailable(
            "Stripe refuses the key.",
            hint="Check STRIPE_SECRET_KEY.",
            told="Payments cannot be taken now.",
            backend="Stripe",
        )
    if isinstance(error, stripe.CardError):
        return _declined(error)
    status = error.http_status or 500
    if status == 404 or error.code == "resource_missing":
        return NotFound("Stripe knows nothing of that name.")
    if status in {409, 429} or status >= 500:
        return TryAgain(
            "limits our rate" if status == 429 else f"failed with status {status}",
            retry_after=_retry_after(error),
            down=status >= 500,
        )
    return Conflict(f"Stripe refused the request: {error.user_message or error.code or status}")


def _declined(error: stripe.CardError) -> PaymentDeclined:
    if error.code in _ASKING_THE_BANK:
        return PaymentDeclined(
            "The bank wants to ask whose card it is.", hint="Pay on the provider's page."
        )
    return PaymentDeclined("The card was declined.", hint="Use another card.")


def _retry_after(error: stripe.StripeError) -> float | None:
    try:
        return float((error.headers or {})["Retry-After"])
    except (KeyError, ValueError):
        return None


def from_settings(settings: Settings) -> StripePayments:
    """Raises:
    ConfigurationError: no key.
    """
    if settings.stripe_secret_key is None:
        raise ConfigurationError("Stripe has no key.", hint="Set STRIPE_SECRET_KEY.")
    addresses: Any = {"api": settings.stripe_api_base} if settings.stripe_api_base else {}
    client = stripe.StripeClient(
        settings.stripe_secret_key.get_secret_value(),
        stripe_version=API_VERSION,
        base_addresses=addresses,
        http_client=stripe.RequestsClient(timeout=PATIENCE.try_seconds),
        max_network_retries=0,
    )
    secrets = settings.stripe_webhook_secret
    named = secrets.get_secret_value().split(",") if secrets else []
    return StripePayments(client, webhook_secrets=[each.strip() for each in named if each.strip()])
