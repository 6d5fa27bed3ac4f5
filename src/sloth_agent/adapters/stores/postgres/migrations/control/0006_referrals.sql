-- Firms whose first user signed up with somebody's code: each counts once.
create table public.referrals (
    organization_id uuid primary key references public.organizations on delete cascade,
    referrer_id uuid not null references public.users on delete cascade,
    status text not null check (status in ('pending', 'active', 'inactive')),
    created_at timestamptz not null,
    activated_at timestamptz
);

create index referrals_referrer on public.referrals (referrer_id, organization_id);

-- Each step is given once, whoever finds first that it was earned.
create table public.referral_rewards (
    referrer_id uuid references public.users on delete cascade,
    step integer check (step > 0),
    organization_id uuid not null references public.organizations on delete cascade,
    old_plan text not null,
    new_plan text not null,
    granted_at timestamptz not null,
    primary key (referrer_id, step)
);
