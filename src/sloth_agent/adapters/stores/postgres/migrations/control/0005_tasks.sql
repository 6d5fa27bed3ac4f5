-- The last run of each periodic task; whoever sets `started_at` past a due moment has claimed it.
create table public.task_runs (
    task text primary key,
    id uuid not null,
    started_at timestamptz not null,
    done_at timestamptz,
    outcome jsonb,
    problem text,
    check ((done_at is null) = (outcome is null))
);
