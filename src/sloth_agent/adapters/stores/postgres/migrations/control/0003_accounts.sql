-- Who signs in. A user belongs to one organization; a superuser may belong to none.
create table public.users (
    id uuid primary key,
    email text not null unique,
    organization_id uuid references public.organizations on delete cascade,
    role text check (role in ('owner', 'admin', 'member')),
    is_superuser boolean not null default false,
    password_hash text,
    phone text,
    avatar text,
    language text not null check (language in ('en', 'uk', 'pl', 'de')),
    is_active boolean not null default true,
    token_version integer not null default 0,
    created_at timestamptz not null,
    referral_code text not null unique,
    referred_by uuid references public.users on delete set null,
    check ((organization_id is null) = (role is null)),
    check (organization_id is not null or is_superuser)
);

create index users_organization on public.users (organization_id, id);

create index users_referred_by on public.users (referred_by);

-- An invitation holds a seat until it is accepted, replaced or out of date.
create table public.invitations (
    token_hash bytea primary key,
    id uuid not null unique,
    organization_id uuid not null references public.organizations on delete cascade,
    email text not null,
    role text not null check (role in ('owner', 'admin', 'member')),
    expires_at timestamptz not null,
    accepted_at timestamptz,
    unique (organization_id, email)
);

create table public.password_resets (
    token_hash bytea primary key,
    user_id uuid not null references public.users on delete cascade,
    expires_at timestamptz not null,
    used_at timestamptz
);

create index password_resets_user on public.password_resets (user_id);
