//! Recipes that do their work without a long lock, ready to be filled in.

/// A recipe.
pub(super) struct Snippet {
    pub(super) label: &'static str,
    pub(super) detail: &'static str,
    /// With `${1:placeholder}`s.
    pub(super) body: &'static str,
}

/// What a migration is made of.
pub(super) const SNIPPETS: &[Snippet] = &[
    Snippet {
        label: "create table with row level security",
        detail: "a table that nobody reads before a policy says so",
        body: "create table ${1:public}.${2:name} (\n  id bigint generated always as identity primary key,\n  $3\n  created_at timestamptz not null default now()\n);\nalter table ${1:public}.${2:name} enable row level security;\n",
    },
    Snippet {
        label: "add foreign key without blocking writes",
        detail: "NOT VALID first, VALIDATE in a later transaction",
        body: "alter table ${1:the_table}\n  add constraint ${1:the_table}_${2:the_column}_fkey foreign key (${2:the_column}) references ${3:other_table} (${4:id}) not valid;\n-- in a later migration: it reads the whole table, but lets others write\nalter table ${1:the_table} validate constraint ${1:the_table}_${2:the_column}_fkey;\n",
    },
    Snippet {
        label: "create index concurrently",
        detail: "lets others write; must run outside of a transaction",
        body: "create index concurrently if not exists ${1:the_table}_${2:the_column}_idx on ${1:the_table} (${2:the_column});\n",
    },
    Snippet {
        label: "set not null through a validated check",
        detail: "SET NOT NULL then skips its scan (PostgreSQL 12 and newer)",
        body: "alter table ${1:the_table} add constraint ${1:the_table}_${2:the_column}_not_null check (${2:the_column} is not null) not valid;\n-- in a later migration\nalter table ${1:the_table} validate constraint ${1:the_table}_${2:the_column}_not_null;\nalter table ${1:the_table} alter column ${2:the_column} set not null;\nalter table ${1:the_table} drop constraint ${1:the_table}_${2:the_column}_not_null;\n",
    },
    Snippet {
        label: "add enum value",
        detail: "usable only after its transaction has committed",
        body: "alter type ${1:type} add value if not exists '${2:value}';\n",
    },
    Snippet {
        label: "create policy",
        detail: "who may see and write which rows",
        body: "create policy \"${1:name}\" on ${2:the_table}\n  for ${3|select,insert,update,delete,all|} to ${4:authenticated}\n  using (${5:true});\n",
    },
    Snippet {
        label: "create function with a fixed search_path",
        detail: "its names mean the same whoever calls it",
        body: "create or replace function ${1:public}.${2:name}($3)\n  returns ${4:void}\n  language plpgsql\n  set search_path = ''\nas \\$\\$\nbegin\n  $0\nend;\n\\$\\$;\n",
    },
    Snippet {
        label: "keep updated_at current",
        detail: "a trigger and its function",
        body: "create or replace function ${1:public}.set_updated_at() returns trigger\n  language plpgsql set search_path = ''\nas \\$\\$\nbegin\n  new.updated_at = now();\n  return new;\nend;\n\\$\\$;\ncreate trigger set_updated_at before update on ${2:the_table}\n  for each row execute function ${1:public}.set_updated_at();\n",
    },
    Snippet {
        label: "rename column, keep the old name readable",
        detail: "a view under the old name until every client has moved",
        body: "alter table ${1:app}.${2:the_table} rename to ${2:the_table}_data;\nalter table ${1:app}.${2:the_table}_data rename column ${3:old_name} to ${4:new_name};\ncreate view ${1:app}.${2:the_table} with (security_invoker = true) as\n  select *, ${4:new_name} as ${3:old_name} from ${1:app}.${2:the_table}_data;\n",
    },
    Snippet {
        label: "limit how long to wait for locks",
        detail: "fails instead of queueing everybody behind it",
        body: "set local lock_timeout = '${1:2s}';\n",
    },
    Snippet {
        label: "fill a column in batches",
        detail: "one short transaction per batch; must run outside of a transaction",
        body: "do \\$\\$\nbegin\n  loop\n    update ${1:the_table} set ${2:the_column} = ${3:value}\n    where ${4:id} in (select ${4:id} from ${1:the_table} where ${2:the_column} is null limit ${5:1000});\n    exit when not found;\n    commit;\n  end loop;\nend;\n\\$\\$;\n",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    /// A snippet as it stands when nothing is filled in.
    fn plain(body: &str) -> String {
        let mut out = body.replace("\\$", "§").replace("$0", "null;").replace("$3", "");
        while let Some(at) = out.find("${") {
            let end = at + out[at..].find('}').expect("closed");
            let inner = &out[at + 2..end];
            let (_, text) = inner.split_once([':', '|']).expect("a placeholder has a text");
            let text = text.split([',', '|']).next().unwrap_or_default().to_owned();
            out.replace_range(at..=end, &text);
        }
        out.replace('§', "$").replace("  \n", "")
    }

    #[test]
    fn snippets_are_sql_that_parses() {
        use crate::sql::verdict::{Grammar, Verdict};
        for snippet in SNIPPETS {
            let text = plain(snippet.body);
            let file = crate::sql::parse(&text);
            assert!(file.errors.is_empty(), "{text}");
            for statement in &file.statements {
                assert_eq!(Grammar.syntax_error(statement.span.slice(&text)), None, "{text}");
            }
        }
    }
}
