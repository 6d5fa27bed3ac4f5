"""What a firm may look at: its invoices, and the provider's own pages."""

from dataclasses import dataclass

from sloth_agent.errors import Conflict, InvalidInput, NotFound
from sloth_agent.ids import TenantId
from sloth_agent.payments.models import InvoicePage
from sloth_agent.payments.ports import PayerStore, PaymentProvider

MOST_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """Nothing here changes anything."""

    provider: PaymentProvider
    payers: PayerStore
    frontend: str  # where the provider's page leads back to

    async def portal(self, organization: TenantId) -> str:
        """The address of a page on which the firm changes its card and sees its invoices.

        Raises:
            Conflict: the provider does not know the firm.
            PaymentUnavailable: the provider does not answer.
        """
        customer = await self._customer(organization)
        if customer is None:
            raise Conflict("The firm has never paid here.", hint="Subscribe first.")
        return await self.provider.open_portal(customer, return_url=f"{self.frontend}/billing")

    async def invoices(
        self, organization: TenantId, *, after: str | None = None, limit: int = 20
    ) -> InvoicePage:
        """Newest first; none of a firm that never paid. `after` is the last id of the page before.

        Raises:
            InvalidInput: a limit out of range, or no such invoice of this firm.
            PaymentUnavailable: the provider does not answer.
        """
        if not 1 <= limit <= MOST_AT_ONCE:
            raise InvalidInput(f"The limit is 1 to {MOST_AT_ONCE}.", field="limit")
        customer = await self._customer(organization)
        if customer is None:
            return InvoicePage((), has_more=False)
        try:
            return await self.provider.invoices(customer, after=after, limit=limit)
        except NotFound as error:
            raise InvalidInput("There is no such invoice.", field="cursor") from error

    async def _customer(self, organization: TenantId) -> str | None:
        payer = await self.payers.find(organization)
        return payer.customer if payer else None
