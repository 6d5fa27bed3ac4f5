-- Working table of this database: work for later, of all its tenants; the truth for every engine.
-- One job of a kind for each subject: who asks for it again begins it anew. `token` grows with each
-- claim, and whoever writes what a job came to has to know it. `losses` counts those among the
-- attempts whose process ended without a word.
create table public.processing_jobs (
    schema_name text not null,
    kind text not null,
    subject uuid not null,
    id uuid not null unique,
    details jsonb not null,
    queue text not null,
    priority integer not null,
    status text not null check (status in ('pending', 'processing', 'completed', 'failed')),
    attempts integer not null default 0,
    losses integer not null default 0,
    token bigint not null default 0,
    due_at timestamptz not null,
    worker text,
    lease_until timestamptz,
    progress jsonb,
    problem jsonb,
    created_at timestamptz not null,
    started_at timestamptz,
    completed_at timestamptz,
    primary key (schema_name, kind, subject)
) with (fillfactor = 50);

create index processing_jobs_waiting
on public.processing_jobs (queue, priority, schema_name, due_at, id) where status = 'pending';

create index processing_jobs_held on public.processing_jobs (lease_until) where status = 'processing';

-- What a tenant's assistant cannot know yet: asked with every search.
create index processing_jobs_unended
on public.processing_jobs (schema_name, kind) where status in ('pending', 'processing');

-- When a tenant was last served: a firm with ten thousand jobs waits after each for all others.
create table public.job_turns (
    schema_name text primary key,
    served_at timestamptz not null
) with (fillfactor = 50);
