-- Run again whenever something was migrated: each statement may run twice.
grant usage on schema public to {platform}, {tenants};
grant select on public.tenant_versions to {platform};
grant select, insert, update, delete on public.usage, public.reservations to {platform};
grant select, insert, update on public.usage to {tenants};
grant select, insert, update, delete on public.reservations to {tenants};
-- Rows bear the name of the tenant's role. Not forced upon the owner: it serves nobody.
alter table public.usage enable row level security;
drop policy if exists own_rows on public.usage;
create policy own_rows on public.usage to {tenants} using (schema_name = current_user);
drop policy if exists all_rows on public.usage;
create policy all_rows on public.usage to {platform} using (true);
alter table public.reservations enable row level security;
drop policy if exists own_rows on public.reservations;
create policy own_rows on public.reservations to {tenants} using (schema_name = current_user);
drop policy if exists all_rows on public.reservations;
create policy all_rows on public.reservations to {platform} using (true);
grant select, insert, update, delete on public.limit_notices to {platform};
grant select, insert, update on public.limit_notices to {tenants};
alter table public.limit_notices enable row level security;
drop policy if exists own_rows on public.limit_notices;
create policy own_rows on public.limit_notices to {tenants} using (schema_name = current_user);
drop policy if exists all_rows on public.limit_notices;
create policy all_rows on public.limit_notices to {platform} using (true);
