-- What the owners of firms were told of trials and payments, once each.
create table public.payment_reminders (
    organization_id uuid not null references public.organizations on delete cascade,
    occasion text not null,
    at timestamptz not null,
    mailing_until timestamptz not null,
    mailed_at timestamptz,
    primary key (organization_id, occasion, at)
);
