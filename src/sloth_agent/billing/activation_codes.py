"""Activation codes: handed out by an operator, redeemed by firms."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sloth_agent.billing.code_text import digest_of, new_code
from sloth_agent.billing.granting import granted, length_in_days
from sloth_agent.billing.lifecycle import Plans, grant_of
from sloth_agent.billing.models import ActivationCode, Subscription
from sloth_agent.billing.plans import on_sale
from sloth_agent.billing.ports import (
    Attempt,
    Change,
    CodeStore,
    Decide,
    ListedCode,
    PlanStore,
)
from sloth_agent.billing.states import CodeStatus
from sloth_agent.clock import Clock
from sloth_agent.errors import (
    CodeExpired,
    CodeUnknown,
    CodeUsed,
    InvalidInput,
    NotFound,
    RateLimited,
    SlothError,
)
from sloth_agent.ids import TenantId, new_id
from sloth_agent.tenants.audit import Actor, AuditEvent

MOST_AT_ONCE = 1000
MOST_NEW = 10_000

MOST_WRONG_TRIES = 10
TRIES_ARE_COUNTED_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ActivationCodes:
    """All codes of the install."""

    store: CodeStore
    plans: PlanStore
    clock: Clock

    async def generate(
        self,
        plan: str,
        *,
        days: int,
        count: int = 1,
        expires_at: datetime | None = None,
        by: Actor,
    ) -> Sequence[str]:
        """Make codes, to be shown now: afterwards nobody can read them any more.

        Each gives `days` on a plan (0: without end), under the plan's terms of the day on which it
        is redeemed.

        Raises:
            InvalidInput: days, count or date out of range. Details: field.
            NotFound: no such plan.
            Conflict: the plan is no longer sold.
        """
        now = self.clock()
        length_in_days(days)
        if not 1 <= count <= MOST_NEW:
            raise InvalidInput(f"The count is 1 to {MOST_NEW}.", field="count")
        if expires_at is not None and expires_at <= now:
            raise InvalidInput("The codes would have expired already.", field="expires_at")
        sold = on_sale({each.slug: each for each in await self.plans.all()}, plan)
        if sold.terms.free:
            raise InvalidInput(f"{sold.slug} costs nothing and needs no code.", field="plan")

        texts = [new_code() for _ in range(count)]
        codes = {
            _digest(text): ActivationCode(
                id=new_id(),
                plan=sold.slug,
                duration_days=days,
                created_by=by.name,
                created_at=now,
                expires_at=expires_at,
            )
            for text in texts
        }
        event = AuditEvent.of(
            "code.generated",
            by=by,
            at=now,
            subject=sold.slug,
            days=days,
            count=count,
            expires_at=expires_at.isoformat() if expires_at else None,
        )
        await self.store.add(codes, event=event)
        return texts

    async def list(
        self,
        *,
        status: CodeStatus | None = None,
        plan: str | None = None,
        before: UUID | None = None,
        limit: int = 50,
    ) -> Sequence[ListedCode]:
        """Newest first, without the codes themselves.

        Raises:
            InvalidInput: a limit out of range.
        """
        if not 1 <= limit <= MOST_AT_ONCE:
            raise InvalidInput(f"The limit is 1 to {MOST_AT_ONCE}.", field="limit")
        return await self.store.all(
            now=self.clock(), status=status, plan=plan, before=before, limit=limit
        )

    async def revoke(self, id_or_code: UUID | str, *, by: Actor) -> ActivationCode:
        """Let nobody use a code any more; what it has given stays.

        Raises:
            NotFound: no such code.
            CodeUsed: it was redeemed before.
        """
        which = id_or_code if isinstance(id_or_code, UUID) else digest_of(id_or_code)
        event = AuditEvent.of("code.revoked", by=by, at=self.clock())
        code = await self.store.revoke(which, event=event) if which else None
        if code is None:
            raise NotFound("There is no such code.", hint="See `sloth admin codes list`.")
        if code.used_at is not None:
            raise CodeUsed(
                "The code was redeemed before.",
                hint="Run `sloth admin subscriptions cancel` to end what it gave.",
            )
        return code

    async def redeem(self, organization: TenantId, code: str, *, by: Actor) -> Subscription:
        """Give a firm what a code holds, once; what the firm has already gets no shorter.

        Case, spaces and hyphens do not matter. Refused tries are counted: after
        `MOST_WRONG_TRIES` an hour no code of the firm is looked at.

        Raises:
            NotFound: no such organization.
            CodeUnknown, CodeUsed, CodeExpired: it cannot be used.
            RateLimited: too many wrong ones. Details: retry_after_seconds.
            Conflict: it would give the firm nothing; the code stays unused.
        """
        attempt = Attempt(organization=organization, digest=digest_of(code), at=self.clock(), by=by)

        def grant(code: ActivationCode) -> Decide:
            def decide(before: Subscription | None, plans: Plans) -> Change:
                return granted(
                    before,
                    grant_of(plans[code.plan], length_in_days(code.duration_days)),
                    organization=organization,
                    plans=plans,
                    event=attempt.event("code.redeemed", code=code.id, days=code.duration_days),
                )

            return decide

        return await self.store.redeem(attempt, grant)


def refusal(code: ActivationCode | None, now: datetime) -> SlothError:
    """Why a code that was looked up cannot be used."""
    status = code.status(now) if code else None
    if status is CodeStatus.USED:
        return CodeUsed("This code was used already.", hint="Each code works once.")
    if status is CodeStatus.EXPIRED:
        return CodeExpired("This code has expired.", hint="Ask for a new one.")
    if status is CodeStatus.REVOKED:
        return CodeExpired("This code was revoked.", hint="Ask for a new one.")
    return CodeUnknown("There is no such code.", hint="Ask who gave it to you.", mistyped=False)


def mistyped() -> SlothError:
    return CodeUnknown(
        "This code is mistyped.", hint="Compare it sign by sign; it has 20.", mistyped=True
    )


def too_many_tries(since: datetime, *, now: datetime) -> SlothError:
    """`since` is when the first of them was."""
    wait = max(since + TRIES_ARE_COUNTED_FOR - now, timedelta(seconds=1))
    seconds = -(-wait // timedelta(seconds=1))
    return RateLimited(
        f"{MOST_WRONG_TRIES} codes were refused within an hour.",
        hint=f"Try again in {seconds} seconds.",
        retry_after_seconds=seconds,
    )


def _digest(text: str) -> bytes:
    digest = digest_of(text)
    assert digest is not None, "a new code checks"
    return digest
