-- Documents that customers sent by channels, kept for the people of the firm. They outlive the chat.
create table chat_files (
    id uuid primary key,
    chat_id uuid references channel_chats on delete set null,
    source text not null,
    external_id text not null,
    name text not null,
    media_type text not null,
    size_bytes bigint not null,
    created_at timestamptz not null
);

create index chat_files_chat on chat_files (chat_id, id);

-- Who sent a photo; null: it is the firm's own. Whoever is erased is looked for in all of them: that
-- is rare, and thousands of tenants share the catalog that an index would stand in.
alter table photos add column source text;
alter table photos add column external_id text;

-- Of those that came before their event knows it. A payload is kept for a month; after that it is
-- whoever wrote first in the chat.
update photos set source = integrations.type, external_id = coalesce(
    payload #>> '{message,from,id}',
    payload #>> '{edited_message,from,id}',
    payload ->> 'From',
    channel_chats.customer
)
from channel_events
join channel_chats on channel_chats.id = channel_events.chat_id
join integrations on integrations.id = channel_events.integration_id
where photos.id = channel_events.id;
