-- Control tables: who lives here and where. Never joined with a tenant's tables.
create table public.organizations (
    id uuid primary key,
    slug text not null unique,
    name text not null,
    schema_name text not null unique check (length(schema_name) <= 63),
    is_active boolean not null default true,
    created_at timestamptz not null
);

-- Working table of this database: which tenant schemas it holds, and at what version.
create table public.tenant_versions (
    schema_name text primary key,
    version integer not null
);
