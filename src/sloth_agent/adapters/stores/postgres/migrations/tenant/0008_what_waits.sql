-- What waits, and what was handled last, is found however much was said in a chat before.
create index channel_events_handled on channel_events (chat_id, handled_at, id);
drop index channel_events_chat;

-- What was not sent has no reference; by that of what was sent, staff say whom they answer.
create index channel_outbox_reference on channel_outbox (chat_id, reference);
drop index channel_outbox_chat;

-- Those that were heard of last come first, such as of those in which a person is wanted.
create index channel_chats_state on channel_chats (state, last_heard_at, id);
