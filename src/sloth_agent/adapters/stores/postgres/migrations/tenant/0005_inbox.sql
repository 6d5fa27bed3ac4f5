-- What comes in by channels, and goes out by them.
alter table integrations drop constraint integrations_type_check;
alter table integrations add constraint integrations_type_check
check (type in ('telegram', 'whatsapp', 'web', 'google_calendar'));

alter table messages drop constraint messages_speaker_check;
alter table messages add constraint messages_speaker_check
check (speaker in ('user', 'assistant', 'staff')) not valid;

-- When people of the firm are there, and what is said while nobody is.
alter table profile add column office_hours jsonb not null default '{}';
alter table profile add column away_text text not null default '';

-- By whose code a chat becomes the one in which the firm's people are. Only its digest is kept.
alter table integrations add column staff_code bytea;
alter table integrations add column staff_code_until timestamptz;
alter table integrations add column staff_code_tries integer not null default 0;

-- A chat with one person or one group. Its id is made of the two that are unique together, so that
-- whoever hears of a chat knows it without asking.
create table channel_chats (
    id uuid primary key,
    integration_id uuid not null references integrations on delete cascade,
    external_id text not null,
    customer text not null,
    name text not null default '',
    conversation_id uuid references conversations on delete set null,
    language text,
    state text not null default 'assistant' check (state in ('assistant', 'waiting', 'person')),
    unanswered integer not null default 0,
    is_gone boolean not null default false,
    last_heard_at timestamptz not null,
    created_at timestamptz not null,
    unique (integration_id, external_id)
);

create index channel_chats_customer on channel_chats (customer);

-- What a vendor told, as it told it, once each.
create table channel_events (
    id uuid primary key,
    integration_id uuid not null references integrations on delete cascade,
    external_id text not null,
    chat_id uuid not null references channel_chats on delete cascade,
    payload jsonb not null,
    received_at timestamptz not null,
    handled_at timestamptz,
    outcome text,
    unique (integration_id, external_id)
);

create index channel_events_chat on channel_events (chat_id, id);

-- What is to be sent, in the order of ids. `begun` says that a try may have come through, `about`
-- whose chat staff are told of.
create table channel_outbox (
    id uuid primary key,
    chat_id uuid not null references channel_chats on delete cascade,
    recipient text not null,
    text text not null,
    buttons jsonb not null default '[]',
    reply_to text,
    queued_at timestamptz not null,
    begun boolean not null default false,
    ended_at timestamptz,
    reference text,
    problem jsonb,
    about uuid references channel_chats on delete cascade
);

create index channel_outbox_chat on channel_outbox (chat_id, id);

-- Staff answer by answering what was sent to them.
create index channel_outbox_about on channel_outbox (about) where about is not null;
