-- Working tables of this database: which steps each tenant schema in it has taken.
-- A new tenant takes all of them at once, and has one row.
create table public.tenant_versions (
    schema_name text not null,
    version integer not null,
    primary key (schema_name, version)
);

-- Tenants that have left this database, where to, and how often each had moved by then. The last
-- word on where a tenant lives: whoever still looks for it here goes on from here.
create table public.departures (
    schema_name text primary key,
    database text not null,
    moves integer not null
);
