-- What the vendor calls a message that came in: by those that are known, one of ours is found that
-- may have been sent just before a process died.
alter table channel_events add column reference text;

-- A message of the same account that is sent as it is, in place of a text.
alter table channel_outbox add column original jsonb;

-- What was sent as one and answered last: what of it comes late is not answered again.
alter table channel_chats add column album text;

-- The topic of a chat that has several: in which it was spoken last, and to which a message goes.
alter table channel_chats add column thread text;
alter table channel_outbox add column thread text;
