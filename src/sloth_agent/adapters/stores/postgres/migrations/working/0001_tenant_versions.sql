-- Working table of this database: which steps each tenant schema in it has taken.
-- A new tenant takes all of them at once, and has one row.
create table public.tenant_versions (
    schema_name text not null,
    version integer not null,
    primary key (schema_name, version)
);
