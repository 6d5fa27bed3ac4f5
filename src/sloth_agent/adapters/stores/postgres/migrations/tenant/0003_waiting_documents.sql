-- Few at any time: an answer says which documents it could not know yet.
create index documents_waiting on documents (id) where status in ('pending', 'processing');
