-- Accounts at messengers and calendars.
create table integrations (
    id uuid primary key,
    type text not null check (type in ('telegram', 'whatsapp', 'google_calendar')),
    status text not null check (status in ('pending', 'active', 'error', 'disabled')),
    -- Sealed; null: they stayed behind where the tenant comes from.
    credentials bytea,
    settings jsonb not null default '{}',
    messages_in bigint not null default 0,
    messages_out bigint not null default 0,
    last_activity_at timestamptz,
    problem jsonb,
    created_at timestamptz not null
);
