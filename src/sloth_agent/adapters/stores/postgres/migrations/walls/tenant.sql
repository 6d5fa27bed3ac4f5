-- Run in a new tenant's schema before its tables are made, which are then under these rights.
-- It may make tables of vectors, and owns those alone.
grant {tenants} to {tenant};
grant usage, create on schema {tenant} to {tenant};
alter default privileges in schema {tenant} grant select, insert, update, delete on tables to {tenant};
grant select, insert, update, delete on all tables in schema {tenant} to {tenant};
