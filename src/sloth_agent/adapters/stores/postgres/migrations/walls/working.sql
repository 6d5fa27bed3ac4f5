-- Run again whenever something was migrated: each statement may run twice.
grant usage on schema public to {platform}, {tenants};
grant select on public.tenant_versions to {platform};
