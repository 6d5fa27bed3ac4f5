-- Working table of this database: how much each tenant uses. Messages and photos are counted by
-- month, the others since ever. `reserved` is the sum of the tenant's reservations.
-- `refused` is never stored: a count beyond its limit breaks a constraint, and so takes with it the
-- transaction that brought what was to be counted.
create table public.usage (
    schema_name text not null,
    resource text not null,
    since timestamptz not null,
    used bigint not null default 0 check (used >= 0),
    reserved bigint not null default 0 check (reserved >= 0),
    refused boolean not null default false,
    primary key (schema_name, resource, since),
    constraint no_room_for_documents check (not refused or resource <> 'documents'),
    constraint no_room_for_storage_bytes check (not refused or resource <> 'storage_bytes')
) with (fillfactor = 50);

-- A place that is kept for something until it is there, or has failed, or the time is over.
create table public.reservations (
    id uuid primary key,
    schema_name text not null,
    resource text not null,
    since timestamptz not null,
    amount bigint not null check (amount > 0),
    expires_at timestamptz not null
);

create index reservations_schema on public.reservations (schema_name, expires_at);
