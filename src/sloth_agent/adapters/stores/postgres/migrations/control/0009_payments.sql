-- What is bought through a payment provider, as it was there when we last looked; `bought` where the
-- current period is that of the purchase. `follow_up_at` is the end of the period, or for what is
-- bought the moment until which it serves without any news.
alter table public.subscriptions add column purchase jsonb;
alter table public.subscriptions add column bought boolean not null default false;
alter table public.subscriptions add column follow_up_at timestamptz;
update public.subscriptions set follow_up_at = current_period_end;
drop index public.subscriptions_due;
create index subscriptions_due on public.subscriptions (follow_up_at);

-- An organization as the payment provider knows it. Whoever talks to the provider about it holds it
-- meanwhile. `attempt` is part of the key under which a request has its effect once.
create table public.payers (
    organization_id uuid primary key references public.organizations on delete cascade,
    customer text unique,
    attempt integer not null default 0,
    checkout jsonb,
    held_by uuid,
    held_until timestamptz
);

-- What the provider told us of, once each; what it is about is asked for anew.
create table public.payment_events (
    id text primary key,
    type text not null,
    customer text,
    subject text not null,
    created_at timestamptz not null,
    received_at timestamptz not null,
    handled_at timestamptz,
    outcome text
);

create index payment_events_waiting on public.payment_events (customer) where handled_at is null;

create index payment_events_customer on public.payment_events (customer, created_at);

-- Money that moved, as the provider has it.
create table public.charges (
    id text primary key,
    organization_id uuid not null references public.organizations on delete cascade,
    amount numeric not null,
    refunded numeric not null,
    currency text not null,
    status text not null check (status in ('succeeded', 'pending', 'failed')),
    dispute text,
    created_at timestamptz not null
);

create index charges_organization on public.charges (organization_id, created_at);
