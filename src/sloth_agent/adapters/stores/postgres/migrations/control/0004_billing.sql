-- What is sold. `terms` are limits, features and prices; whoever buys keeps a copy of them.
create table public.plans (
    slug text primary key,
    name text not null,
    step integer not null,
    terms jsonb not null,
    trial_days integer not null check (trial_days >= 0),
    is_active boolean not null
);

-- One for each organization that has bought or been given something. `later` follows the period.
create table public.subscriptions (
    organization_id uuid primary key references public.organizations on delete cascade,
    plan text not null references public.plans,
    terms jsonb not null,
    status text not null check (status in ('trialing', 'active', 'past_due', 'canceled', 'unpaid')),
    billing_cycle text not null check (billing_cycle in ('monthly', 'yearly')),
    anchor timestamptz not null,
    current_period_start timestamptz not null,
    current_period_end timestamptz,
    trial_start timestamptz,
    trial_end timestamptz,
    cancel_at_period_end boolean not null,
    canceled_at timestamptz,
    later jsonb not null,
    paid boolean not null
);

create index subscriptions_due on public.subscriptions (current_period_end);

-- What each organization had since when, and what it paid for a month of it.
create table public.subscription_history (
    organization_id uuid not null references public.organizations on delete cascade,
    since timestamptz not null,
    plan text not null,
    status text not null,
    monthly_revenue numeric not null,
    currency text not null,
    primary key (organization_id, since)
);

-- Only a digest of each code: who reads this table can redeem none.
create table public.activation_codes (
    id uuid primary key,
    digest bytea not null unique,
    plan text not null references public.plans,
    duration_days integer not null check (duration_days >= 0),
    created_by text not null,
    created_at timestamptz not null,
    expires_at timestamptz,
    used_by uuid,
    used_at timestamptz,
    revoked_at timestamptz,
    check ((used_by is null) = (used_at is null)),
    check (used_at is null or revoked_at is null)
);

-- Wrong codes in the hour that began with the first of them.
create table public.activation_code_tries (
    organization_id uuid primary key references public.organizations on delete cascade,
    since timestamptz not null,
    wrong integer not null
);
