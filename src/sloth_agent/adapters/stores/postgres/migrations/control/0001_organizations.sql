-- Control tables: who lives here and where. Never joined with a tenant's tables.
create table public.organizations (
    id uuid primary key,
    slug text not null unique,
    name text not null,
    schema_name text not null unique check (length(schema_name) <= 63),
    database text not null,
    moves integer not null default 0,
    domain text unique,
    is_active boolean not null default true,
    stage text not null default 'live' check (stage in ('live', 'importing', 'deleting')),
    created_at timestamptz not null
);
