-- Working table of this database: what tenants were told about limits that are near, or reached.
-- Of each thing once in each period: the key decides who tells.
create table public.limit_notices (
    schema_name text not null,
    resource text not null,
    period_start timestamptz not null,
    percent integer not null,
    used bigint not null,
    allowed bigint not null,
    noticed_at timestamptz not null,
    mailing_until timestamptz,
    mailed_at timestamptz,
    primary key (schema_name, resource, period_start, percent)
);
