-- Statements that PostgreSQL refuses to run in a transaction, each in a fresh database.
create index concurrently new on t (a)
create unique index concurrently new on t (b)
create index concurrently if not exists t_a on t (a)
drop index concurrently t_a
reindex index concurrently t_a
reindex table concurrently t
vacuum t
vacuum (analyze) t, c
vacuum full t
alter table parted detach partition parted1 concurrently
