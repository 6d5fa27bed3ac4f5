-- What the vendor calls a message that came in: by those that are known, one of ours is found that
-- may have been sent just before a process died.
alter table channel_events add column reference text;
