-- Whose an integration is: what comes in for it names nothing else. An account at a vendor's is
-- connected once in an install; null: it has none, such as a web site.
create table public.integration_addresses (
    integration_id uuid primary key,
    organization_id uuid not null references public.organizations on delete cascade,
    account text unique
);

create index integration_addresses_organization on public.integration_addresses (organization_id);
