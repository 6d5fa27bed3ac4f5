-- Schemas in which no tenant lives: a restore has not ended, or has led their tenants elsewhere.
-- What is on this list is to be removed; it belongs to this install, and goes into no backup.
create table public.vacant_spaces (
    name text primary key,
    database text not null
);
