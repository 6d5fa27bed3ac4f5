-- What a firm says of itself; one row, made with the first change.
create table profile (
    id integer primary key check (id = 1),
    business_name text not null,
    business_type text not null,
    timezone text not null,
    notification_email text,
    notify_by_telegram boolean not null
);
