-- A sign-in: everything that came of one password. Its refresh tokens follow each other; one that
-- comes twice ends it.
create table public.sessions (
    id uuid primary key,
    user_id uuid not null references public.users on delete cascade,
    token_version integer not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    ended_at timestamptz
);

create index sessions_user on public.sessions (user_id);

create index sessions_expires on public.sessions (expires_at);

create table public.refresh_tokens (
    digest bytea primary key,
    session_id uuid not null references public.sessions on delete cascade,
    used_at timestamptz
);

create index refresh_tokens_session on public.refresh_tokens (session_id);

-- For programs. Only a digest: a key is shown once.
create table public.api_keys (
    id uuid primary key,
    organization_id uuid not null references public.organizations on delete cascade,
    name text not null,
    beginning text not null,
    digest bytea not null unique,
    scopes text[] not null,
    created_by uuid references public.users on delete set null,
    created_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz
);

create index api_keys_organization on public.api_keys (organization_id, id);

-- What was answered to requests that may come again. Without `status` it is being worked out.
create table public.replies (
    caller text not null,
    endpoint text not null,
    key bytea not null,
    fingerprint bytea not null,
    lease uuid not null,
    until timestamptz not null,
    status integer,
    sealed bytea,
    primary key (caller, endpoint, key),
    check ((status is null) = (sealed is null))
);

create index replies_until on public.replies (until);
