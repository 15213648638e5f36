//! Histories of any length, the same on every run: about 4 KB of SQL a file, as projects really write it. Most files make
//! tables and all that belongs to them, every fifth only changes what others made.
#![allow(dead_code, reason = "each benchmark uses its own part of this module")]

use std::fmt::Write;

use analysis::history::{Base, History, Migration};

/// A history of `count` files: each creates tables that refer to earlier ones, and changes what older files created.
pub(crate) fn history(count: usize) -> History {
    let migrations = (0..count).map(|number| Migration::new(&path(number), &file(number)));
    History {
        migrations: migrations.collect(),
        complete: true,
        base: Base::Supabase,
        ..History::default()
    }
}

/// `20240101000042_v0_1_42_orders_42.sql`
pub(crate) fn path(number: usize) -> String {
    let (minutes, seconds) = (number / 60, number % 60);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    format!(
        "20240101{hours:02}{minutes:02}{seconds:02}_v0_1_{number}_{}_{number}.sql",
        noun(number)
    )
}

const NOUNS: [&str; 12] = [
    "orders",
    "invoices",
    "customers",
    "products",
    "shipments",
    "reviews",
    "payments",
    "messages",
    "events",
    "teams",
    "documents",
    "devices",
];

fn noun(number: usize) -> &'static str {
    NOUNS[number % NOUNS.len()]
}

/// The text of file `number`.
pub(crate) fn file(number: usize) -> String {
    let noun = noun(number);
    let table = format!("{noun}_{number}");
    let mut sql =
        format!("-- {noun}, part {number}: what the shop keeps about them, who may see it, and how it is found.\n\n");
    if !makes_tables(number) {
        change_earlier(&mut sql, number);
        return sql;
    }
    put(
        &mut sql,
        &format!(
            "create type public.{table}_status as enum ('draft', 'open', 'paid', 'cancelled', 'it''s complicated');

create table public.{table} (
  id bigint generated always as identity primary key,
  owner_id uuid default auth.uid() references auth.users (id) on delete cascade,
  slug text not null check (slug ~ '^[a-z0-9-]+$'),
  title varchar(200) not null default '',
  status public.{table}_status not null default 'draft',
  amount numeric(12, 2) not null default 0 check (amount >= 0),
  details jsonb not null default '{{}}'::jsonb,
  search tsvector generated always as (to_tsvector('simple', coalesce(title, '') || ' ' || coalesce(slug, ''))) stored,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint {table}_owner_id_slug_key unique (owner_id, slug)
);

create index {table}_created_at_idx on public.{table} (created_at desc) where status <> 'cancelled';
create index {table}_search_idx on public.{table} using gin (search);

create table public.{table}_items (
  {table}_id bigint not null references public.{table} (id) on delete cascade,
  position smallint not null,
  quantity integer not null default 1 check (quantity between 1 and 10000),
  price numeric(12, 2) not null,
  note text,
  primary key ({table}_id, position)
);

comment on table public.{table} is 'One row per {noun}; rows are never deleted, only cancelled';
comment on column public.{table}.details is 'What the importer could not map: {{\"source\": …, \"raw\": …}}';

alter table public.{table} enable row level security;
alter table public.{table}_items enable row level security;

create policy {table}_select_own on public.{table} for select to authenticated
  using (owner_id = (select auth.uid()));
create policy {table}_insert_own on public.{table} for insert to authenticated
  with check (owner_id = (select auth.uid()));
create policy {table}_update_own on public.{table} for update to authenticated
  using (owner_id = (select auth.uid()) and status <> 'cancelled')
  with check (owner_id = (select auth.uid()));
create policy {table}_items_all_own on public.{table}_items for all to authenticated
  using (exists (select from public.{table} as parent where parent.id = {table}_id and parent.owner_id = auth.uid()));

create function public.{table}_touch()
returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
begin
  -- the client's clock is not to be trusted
  new.updated_at := now();
  if new.status = 'paid' and old.status is distinct from new.status then
    insert into public.{table}_items ({table}_id, position, quantity, price, note)
    values (new.id, 0, 1, new.amount, format('paid at %s', now()));
  end if;
  return new;
end
$$;

create trigger {table}_touch before update on public.{table}
  for each row execute function public.{table}_touch();

create view public.{table}_totals with (security_invoker = true) as
select parent.id, parent.title, count(*) as items, coalesce(sum(item.quantity * item.price), 0) as total,
  max(item.price) filter (where item.note is not null) as dearest,
  row_number() over (partition by parent.owner_id order by parent.created_at desc) as place
from public.{table} as parent
left join public.{table}_items as item on item.{table}_id = parent.id
where parent.status not in ('draft', 'cancelled')
group by parent.id, parent.title;

grant select, insert, update on public.{table} to authenticated;
grant select, insert, update, delete on public.{table}_items to authenticated;
grant select on public.{table}_totals to authenticated;
revoke all on public.{table} from anon;
"
        ),
    );
    if let Some(old) = earlier(number) {
        put(
            &mut sql,
            &format!(
                "
alter table public.{table} add column related_id bigint;
alter table public.{table} add constraint {table}_related_id_fkey
  foreign key (related_id) references public.{old} (id) not valid;
alter table public.{table} validate constraint {table}_related_id_fkey;
create index {table}_related_id_idx on public.{table} (related_id);
"
            ),
        );
    }
    change_earlier(&mut sql, number);
    // Reference rows fill the file up to its size.
    let mut row = 0;
    write!(
        sql,
        "\ninsert into public.{table} (slug, title, amount, details)\nvalues"
    )
    .expect("a string takes all text");
    while row < 4 || sql.len() < 5_000 {
        let comma = if row == 0 { "" } else { "," };
        write!(
            sql,
            "{comma}\n  ('{noun}-{row}', 'The {row}. of the {noun}', {}.50, '{{\"source\": \"import\", \"raw\": [{row}, {number}]}}')",
            row * 7 + number
        )
        .expect("a string takes all text");
        row += 1;
    }
    sql.push_str("\non conflict do nothing;\n");
    sql
}

/// Whether file `number` makes tables.
fn makes_tables(number: usize) -> bool {
    number % 5 != 3
}

/// The table of an earlier file that file `number` changes.
fn earlier(number: usize) -> Option<String> {
    let earlier = number.checked_sub(7).filter(|earlier| makes_tables(*earlier))?;
    Some(format!("{}_{earlier}", noun(earlier)))
}

/// Changes of what an earlier file created: renamings, types, backfills.
fn change_earlier(sql: &mut String, number: usize) {
    let Some(old) = earlier(number) else {
        return;
    };
    put(
        sql,
        &format!(
            "
alter table public.{old} add column archived_at timestamptz, add column revision integer not null default 1;
update public.{old} set archived_at = updated_at where status = 'cancelled' and archived_at is null;
"
        ),
    );
    match (number / 5) % 5 {
        0 => put(
            sql,
            &format!("alter table public.{old} alter column amount type numeric(14, 2);\n"),
        ),
        1 => put(
            sql,
            &format!("alter table public.{old} rename column slug to handle;\n"),
        ),
        2 => put(
            sql,
            &format!(
                "do $$\nbegin\n  if not exists (select from pg_roles where rolname = 'reporting_{number}') then\n    create role reporting_{number} nologin;\n  end if;\nend\n$$;\ngrant select on public.{old}_totals to reporting_{number};\n"
            ),
        ),
        3 => put(
            sql,
            &format!("drop view public.{old}_totals;\nalter table public.{old}_items drop column note;\n"),
        ),
        _ => put(
            sql,
            &format!("alter type public.{old}_status add value if not exists 'refunded' after 'paid';\n"),
        ),
    }
}

fn put(sql: &mut String, text: &str) {
    sql.push_str(text);
}
