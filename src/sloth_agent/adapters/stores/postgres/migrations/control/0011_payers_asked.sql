-- Until when all charges of an organization are known: those since then are asked for.
alter table public.payers add column asked_at timestamptz;

-- Each request to the provider has a key of its own: a counter would come back with a backup.
alter table public.payers drop column attempt;
