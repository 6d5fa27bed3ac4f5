-- Working table of this database: what each tenant cost in a month of the calendar (UTC).
-- `estimated_tokens` are those among the tokens that no service counted. `unpriced_calls` are those
-- among the calls whose price nobody knew: they are not in the cost.
create table public.costs (
    schema_name text not null,
    month date not null,
    currency text not null,
    kind text not null check (kind in ('chat', 'embedding', 'channel')),
    model text not null,
    calls bigint not null,
    input_tokens bigint not null,
    output_tokens bigint not null,
    estimated_tokens bigint not null,
    unpriced_calls bigint not null,
    cost numeric not null,
    primary key (schema_name, month, currency, kind, model)
) with (fillfactor = 50);
