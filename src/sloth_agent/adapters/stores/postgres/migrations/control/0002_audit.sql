-- Who did what. Only ever added to: the application's role may not change or remove a row.
-- Without a key to organizations: what was done to a tenant outlives it.
create table public.audit_log (
    id uuid primary key,
    at timestamptz not null,
    actor text not null,
    address text,
    request_id text,
    organization_id uuid,
    action text not null,
    subject text,
    details jsonb not null default '{}'
);

create index audit_log_organization on public.audit_log (organization_id, id);

create index audit_log_action on public.audit_log (action, id);
