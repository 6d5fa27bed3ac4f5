-- One tenant's tables. No schema is named: the transaction's search_path leads here.

-- Every transaction of the tenant comes in by this door: it locks it beside all others, and whoever
-- moves the tenant to another database locks it alone. The door there has the next number.
create table door_0 (id integer primary key);

create table documents (
    id uuid primary key,
    title text not null,
    source text not null unique,
    digest text not null,
    size_bytes bigint not null,
    media_type text,
    status text not null check (status in ('pending', 'processing', 'completed', 'failed')),
    problem jsonb,
    pages integer,
    chunk_count integer not null default 0,
    unread jsonb not null default '[]',
    text text storage external,
    created_at timestamptz not null,
    processed_at timestamptz
);

create index documents_digest on documents (digest);

-- A generation is one way of cutting and embedding: a rebuild fills the next one beside the active.
create table vector_stores (
    generation integer primary key,
    active boolean not null,
    space text,
    dimensions integer,
    chunk_size integer not null default 1000,
    chunk_overlap integer not null default 200,
    chunk_count bigint not null default 0,
    created_at timestamptz not null
);

create unique index vector_stores_one_active on vector_stores (active) where active;

insert into vector_stores (generation, active, created_at) values (1, true, current_timestamp);

-- Terms stand as numbers: what an index of words costs is mostly comparing them. Twice: as an array,
-- which an index finds chunks by, and as a vector of ones, whose product with a query's weights is
-- a chunk's rank. A row of usual length stays whole, since unpacking these would cost most.
-- No foreign key to documents: both are written and removed together, and checking each row would
-- cost much of what writing it does.
create table chunks (
    id uuid primary key,
    generation integer not null,
    document_id uuid not null,
    position integer not null,
    start_offset integer not null,
    end_offset integer not null,
    place jsonb not null default '{}',
    header text not null default '',
    terms integer[] storage main not null,
    term_vector sparsevec(536870912) storage main not null,
    text text not null,
    unique (document_id, generation, position)
) with (toast_tuple_target = 4080);

create index chunks_terms on chunks using gin (terms);

-- How many chunks of a generation hold a term, but for the changes below.
create table term_totals (
    generation integer not null,
    term integer not null,
    chunks bigint not null,
    primary key (generation, term)
) with (fillfactor = 70);

-- What each publication changed in all counts: one row, where changing thousands in place would
-- cost more than all the rest, and one publication would wait for the other. Added to the totals
-- when many have come together. Terms and their changes stand in the same order.
create table count_changes (
    id uuid primary key,
    generation integer not null,
    chunks integer not null,
    terms integer[] storage external not null,
    term_changes integer[] storage external not null,
    size integer not null
);

create view term_counts as
select generation, term, sum(chunks)::bigint as chunks
from (
    select generation, term, chunks from term_totals
    union all
    -- Side by side in a list of columns: half the time of `unnest` as a table.
    select generation, unnest(terms), unnest(term_changes)::bigint
    from count_changes
) as counted
group by generation, term;

create table prompts (
    version integer primary key,
    role text not null,
    instructions text not null,
    context text not null,
    temperature double precision not null,
    max_tokens integer not null,
    active boolean not null,
    created_at timestamptz not null
);

create unique index prompts_one_active on prompts (active) where active;

create table conversations (
    id uuid primary key,
    source text not null check (source in ('web', 'telegram', 'whatsapp', 'cli', 'api')),
    external_id text,
    message_count integer not null default 0,
    created_at timestamptz not null
);

create index conversations_customer on conversations (source, external_id)
where external_id is not null;

create table messages (
    id uuid primary key,
    conversation_id uuid not null references conversations on delete cascade,
    speaker text not null check (speaker in ('user', 'assistant')),
    text text not null,
    citations jsonb not null default '[]',
    chunks_used uuid[] not null default '{}',
    input_tokens integer not null default 0,
    output_tokens integer not null default 0,
    processing_ms double precision,
    created_at timestamptz not null
);

create index messages_conversation on messages (conversation_id, id);
