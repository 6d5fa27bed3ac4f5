-- Until when all charges of an organization are known: those since then are asked for.
alter table public.payers add column asked_at timestamptz;
