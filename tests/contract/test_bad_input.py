"""Whatever people type where a name, a domain or an address is wanted: safe, or refused by name."""

import string
from collections.abc import Sequence
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as search
from hypothesis import strategies as st

from sloth_agent import AsyncSloth
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.errors import Conflict, InvalidInput, NotFound
from sloth_agent.ids import TenantId
from sloth_agent.tenants.audit import Actor
from sloth_agent.tenants.users import Role

pytestmark = pytest.mark.anyio

BY = Actor(name="test")

HOSTILE = [
    "",
    " ",
    "'",
    '"',
    "a'; drop table users; --",
    'a"; drop schema public cascade; --',
    "\\",
    "%s %(a)s {} {0} $1",
    "a" * 63,
    "a" * 64,
    "ż" * 32,  # 64 bytes in 32 letters
    "💇" * 16,
    "a" * 10_000,
    "public",
    "pg_catalog",
    "information_schema",
    "select",
    "user",
    "null",
    "none",
    "раypal",  # two Cyrillic letters that look like Latin ones
    "ﬁrm",  # a ligature
    "K",  # the sign of Kelvin, a letter K in lower case
    "İ",  # three bytes in lower case
    "../../etc/passwd",
    "a\nb",
    "a\0b",
    "\x1b[31m",
    "\u202eexe.pdf",  # written from right to left
    "a\u200bb",  # a space of no width
    "\udcff",
    "--yes",
]

TYPED = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=70),
    st.text("'\";\\-_.@/%$ ażп\u0000\u202e" + string.digits, max_size=70),
)

few = search(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])


def check_refusal(error: InvalidInput | Conflict, *, field: str) -> None:
    """One line that says what is wrong and what to do, and the name of what was wrong."""
    assert error.message.isprintable()
    assert error.hint
    assert error.details == {"field": field}


async def bystander(tenant: AsyncTenant) -> Sequence[object]:
    """What somebody else has, and keeps whatever others type."""
    return [await tenant.documents(), await tenant.profile(), tenant.organization]


@given(typed=TYPED)
@few
async def test_slugs(sloth: AsyncSloth, tenant: AsyncTenant, typed: str) -> None:
    before = await bystander(tenant)
    slug = typed if typed in HOSTILE else f"{typed}{uuid4().hex[:8]}"
    try:
        made = await sloth.create_tenant(slug)
    except InvalidInput as error:
        check_refusal(error, field="slug")
        for opening in (sloth.show_tenant, sloth.tenant, sloth.delete_tenant):
            with pytest.raises(InvalidInput):
                await opening(slug)
    except Conflict:
        assert (await sloth.show_tenant(slug)).slug == slug
    else:
        assert set(made.slug) <= set(string.ascii_lowercase + string.digits + "-")
        assert (await sloth.show_tenant(slug)) == made
        await sloth.delete_tenant(slug)
    assert await bystander(tenant) == before


@given(typed=TYPED)
@few
async def test_names(sloth: AsyncSloth, tenant: AsyncTenant, typed: str) -> None:
    slug = tenant.organization.slug
    try:
        changed = await sloth.update_tenant(slug, name=typed)
        profile = await tenant.change_profile(business_name=typed)
    except InvalidInput as error:
        check_refusal(error, field="name")
    else:
        assert changed.name == profile.business_name == typed.strip()
        assert (await sloth.show_tenant(slug)).name == typed.strip()
        assert await tenant.profile() == profile


@given(typed=TYPED)
@example("a" * 63 + ".pl")
@example("a" * 64 + ".pl")
@example("раypal.com")
@example("a。pl")  # a full stop of Chinese
@few
async def test_domains(sloth: AsyncSloth, tenant: AsyncTenant, typed: str) -> None:
    slug = tenant.organization.slug
    try:
        changed = await sloth.update_tenant(slug, domain=typed)
    except (InvalidInput, Conflict) as error:
        check_refusal(error, field="domain")
    else:
        domain = changed.domain or ""
        assert set(domain) <= set(string.ascii_lowercase + string.digits + "-.")
        assert max(map(len, domain.split("."))) <= 63
        assert await sloth.update_tenant(slug, domain=domain) == changed, "one spelling"


@pytest.fixture
async def firm(sloth: AsyncSloth, tenant: AsyncTenant) -> TenantId:
    organization = tenant.organization.id
    email = f"{uuid4().hex}@example.com"
    await sloth.accounts.create(email, organization=organization, role=Role.OWNER, by=BY)
    return organization


@given(typed=TYPED, place=st.sampled_from(["{}", "{}@example.com", "anna@{}", "anna@{}.pl"]))
@few
async def test_addresses(sloth: AsyncSloth, firm: TenantId, typed: str, place: str) -> None:
    email = place.replace("{}", typed)
    try:
        user = await sloth.accounts.create(email, organization=firm, role=Role.MEMBER, by=BY)
    except InvalidInput as error:
        check_refusal(error, field="email")
        assert await sloth.accounts.authenticate(email, "some password") is None
        with pytest.raises(InvalidInput):
            await sloth.invitations.invite(firm, email, role=Role.MEMBER, by=BY)
    except Conflict:
        assert (await sloth.accounts.show(email)).email
    else:
        assert user.email.isascii()
        assert user.email.isprintable()
        assert await sloth.accounts.show(user.email) == user


@given(typed=TYPED)
@few
async def test_plans_and_codes(sloth: AsyncSloth, tenant: AsyncTenant, typed: str) -> None:
    organization = tenant.organization.id
    with pytest.raises(NotFound):
        await sloth.create_tenant(f"t-{uuid4().hex}", plan=f"{typed}?")
    with pytest.raises(NotFound):
        await sloth.subscriptions.activate(organization, f"{typed}?", by=BY)
    with pytest.raises(NotFound):
        await sloth.codes.generate(f"{typed}?", days=30, by=BY)
    with pytest.raises(NotFound):
        await sloth.codes.revoke(f"{typed}?", by=BY)
    assert await sloth.subscriptions.current(organization) is None


async def test_what_is_given_empty_was_not_left_out(sloth: AsyncSloth, slug: str) -> None:
    """Such as an unset variable of a script: without a plan a firm would have no limits."""
    with pytest.raises(NotFound, match="plan"):
        await sloth.create_tenant(slug, plan="")
    with pytest.raises(InvalidInput, match="name"):
        await sloth.create_tenant(slug, name="")
    with pytest.raises(InvalidInput, match="domain"):
        await sloth.create_tenant(slug, domain="")
    assert slug not in {tenant.slug for tenant in await sloth.tenants()}
