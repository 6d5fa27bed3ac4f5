-- Pictures, and what was seen in them.
create table photos (
    id uuid primary key,
    title text not null,
    media_type text not null,
    size_bytes bigint not null,
    width integer not null,
    height integer not null,
    status text not null check (status in ('pending', 'completed', 'failed')),
    labels jsonb not null default '[]',
    text text,
    objects jsonb not null default '[]',
    faces integer,
    problem jsonb,
    created_at timestamptz not null
);
