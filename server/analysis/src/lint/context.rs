//! What a rule may look at, and where it puts its findings.

use std::cell::Cell;
use std::sync::OnceLock;

use smol_str::SmolStr;

use super::diagnostic::{Edit, Fix, FixKind, Level, NewFile, NewFiles};
use super::work::Work;
use crate::databases::Databases;
use crate::history::{Base, Companion, History, Migration, Release};
use crate::proof::Proof;
use crate::schema::catalog::Catalog;
use crate::schema::change::Change;
use crate::schema::cost::Cost;
use crate::schema::inverse::{Rollback, inverse};
use crate::schema::objects::{Certainty, Id, Meta, Origin, Policy, Relation, Table, TableKind, quote};
use crate::schema::session::Session;
use crate::schema::step::Step;
use crate::schema::timeline::{Moment, Timeline};
use crate::settings::{Runner, Settings};
use crate::sql::statement::{
    AlterActionKind, AlterTable, ColumnDef, CreatePolicy, Node, ObjectKind, Persistence, Statement, TableConstraint,
    TableConstraintKind,
};
use crate::text::Span;
use crate::{Document, LockTimeout};

/// What a rule looks at.
#[derive(Clone, Copy)]
pub struct Cx<'a> {
    history: &'a History,
    documents: &'a [Document],
    /// The settings in force.
    pub settings: &'a Settings,
    timeline: &'a Timeline,
    /// Number of the judged migration; of no meaning to project rules.
    pub file: usize,
    /// The step being judged; `None` for migration and project rules.
    pub moment: Option<&'a Moment<'a>>,
    /// What the step costs and what its transaction holds; `None` for migration and project rules.
    pub work: Option<&'a Work>,
    /// The only migration that project rules shall speak about; `None`: all.
    only: Option<usize>,
    files: NewFiles,
    far: &'a Far,
    overview: &'a Overview,
}

/// What rules ask about the whole history again and again; looked for once, when somebody asks.
#[derive(Debug, Default)]
pub(crate) struct Overview {
    first_timeout: OnceLock<Option<usize>>,
    releases: OnceLock<Box<[Option<Release>]>>,
}

impl Overview {
    /// The release of each migration.
    fn releases(&self, history: &History) -> &[Option<Release>] {
        let find = || history.migrations.iter().map(Migration::release).collect();
        self.releases.get_or_init(find)
    }

    /// The first file that sets `lock_timeout`, unless one sets it for a role or a database, which would do for all files.
    pub(crate) fn first_timeout(&self, documents: &[Document]) -> Option<usize> {
        *self.first_timeout.get_or_init(|| {
            let named = |document: &Document| document.lock_timeout() != LockTimeout::Unnamed;
            let is_standing = |document: &Document| document.lock_timeout() == LockTimeout::Standing;
            let first = documents.iter().position(named)?;
            (!documents[first..].iter().any(is_standing)).then_some(first)
        })
    }
}

/// What a rule looked at beyond the judged file and what comes before it: its findings are of use as long as that stays
/// the same, too.
#[derive(Clone, Debug, Default)]
pub(crate) struct Far {
    /// Catalogs after the judged file.
    pub(crate) later: Cell<bool>,
    /// The first lines of other files.
    pub(crate) heads: Cell<bool>,
    /// The texts of other files.
    pub(crate) texts: Cell<bool>,
}

/// A file of the history, as far as its name goes: what no edit of its text changes.
#[derive(Clone, Copy)]
pub struct Named<'a> {
    /// Its number.
    pub number: usize,
    migration: &'a Migration,
    release: Option<Release>,
}

impl<'a> Named<'a> {
    /// Path as people shall see it.
    pub fn path(self) -> &'a str {
        &self.migration.path
    }

    /// The file's name, without its folders.
    pub fn file_name(self) -> &'a str {
        self.migration.file_name()
    }

    /// See [`Migration::version`].
    pub fn version(self) -> &'a str {
        &self.migration.version
    }

    /// See [`Migration::release`].
    pub fn release(self) -> Option<Release> {
        self.release
    }

    /// Whether findings in it are wanted.
    pub fn is_judged(self) -> bool {
        self.migration.judged
    }

    /// See [`Migration::smoke_test_path`].
    pub fn smoke_test_path(self) -> Option<&'a str> {
        self.migration.smoke_test_path.as_deref()
    }
}

impl<'a> Cx<'a> {
    /// For the rules about one migration, or with `usize::MAX` for those about a project.
    pub(crate) fn new(
        history: &'a History,
        documents: &'a [Document],
        settings: &'a Settings,
        timeline: &'a Timeline,
        file: usize,
        far: &'a Far,
        overview: &'a Overview,
    ) -> Self {
        Self {
            history,
            documents,
            settings,
            timeline,
            file,
            moment: None,
            work: None,
            only: None,
            files: NewFiles::Named,
            far,
            overview,
        }
    }

    /// The same, with or without the text of the files that fixes create.
    pub(crate) fn with_files(self, files: NewFiles) -> Self {
        Self { files, ..self }
    }

    /// The same, for project rules that shall speak about one migration alone.
    pub(crate) fn only(self, number: Option<usize>) -> Self {
        Self { only: number, ..self }
    }

    /// The same, for the rules about one step.
    pub(crate) fn at<'m>(self, moment: &'m Moment<'m>, work: &'m Work) -> Cx<'m>
    where
        'a: 'm,
    {
        Cx {
            moment: Some(moment),
            work: Some(work),
            ..self
        }
    }

    /// What the database holds before the first migration.
    pub fn base(&self) -> Base {
        self.history.base
    }

    /// Whether the history builds the database from nothing, or from its base.
    pub fn is_complete(&self) -> bool {
        self.timeline.is_complete()
    }

    /// Whether the project has begun to set `lock_timeout` by the judged file.
    pub fn uses_lock_timeouts(&self) -> bool {
        let first = self.overview.first_timeout(self.documents);
        first.is_some_and(|first| first <= self.file)
    }

    /// All files of the history, by name, in the order of application.
    pub fn names(&self) -> impl Iterator<Item = Named<'a>> + use<'a> {
        let releases = self.overview.releases(self.history);
        let migrations = self.history.migrations.iter().zip(releases).enumerate();
        migrations.map(|(number, (migration, release))| Named {
            number,
            migration,
            release: *release,
        })
    }

    /// Whether a file's first line holds it back: see [`Migration::is_held`].
    pub fn is_held(&self, number: usize) -> bool {
        self.note_head(number);
        self.history.migrations[number].is_held()
    }

    /// Rollback scripts, tests and seeds; none where one migration alone is spoken about.
    pub fn companions(&self) -> &'a [Companion] {
        match self.only {
            None => &self.history.companions,
            Some(_) => &[],
        }
    }

    /// What is known of the rollbacks of the migrations that are spoken about, by number.
    pub fn proofs(&self) -> impl Iterator<Item = (usize, &'a Migration, &'a Proof)> + use<'a> {
        let (history, only) = (self.history, self.only);
        let numbers = (0..history.migrations.len()).filter(move |number| only.is_none_or(|only| only == *number));
        numbers.filter_map(move |number| {
            let migration = &history.migrations[number];
            Some((number, migration, history.proofs.get(&migration.path)?.as_ref()))
        })
    }

    /// The rollback script of a migration, where findings in it are wanted.
    pub fn judged_script(&self, migration: &Migration) -> Option<&'a Companion> {
        let path = migration.rollback_path.as_deref()?;
        self.companions()
            .iter()
            .find(|companion| companion.path == path && companion.judged)
    }

    /// The migrations that undo themselves, each with the parts of it that are not applied.
    pub fn sections_that_undo(&self) -> Vec<(usize, [Span; 2])> {
        let own = self
            .history
            .migrations
            .iter()
            .enumerate()
            .filter(|(number, migration)| {
                let is_asked = self.only.is_none_or(|only| only == *number);
                is_asked && migration.judged && migration.undoes_itself()
            });
        own.map(|(number, migration)| {
            let (forward, end) = (migration.forward, migration.text.len());
            (
                number,
                [
                    Span::new(0, forward.start as usize),
                    Span::new(forward.end as usize, end),
                ],
            )
        })
        .collect()
    }

    /// See [`History::snapshots_read_by_supabase`].
    pub fn snapshots_read_by_supabase(&self) -> Option<&'a str> {
        self.history.snapshots_read_by_supabase.as_deref()
    }

    /// What is known of the databases that the migrations are applied to.
    pub fn databases(&self) -> &'a Databases {
        &self.history.databases
    }

    /// The catalog before file `number`; the last one for a number past the end.
    pub fn catalog_before(&self, number: usize) -> &'a Catalog {
        if number > self.file + 1 {
            self.far.later.set(true);
        }
        self.timeline.before(number)
    }

    /// The texts of the migrations behind the judged one.
    pub fn texts_behind(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.far.texts.set(true);
        let behind = self.history.migrations.get(self.file + 1..).unwrap_or_default();
        behind.iter().map(|migration| &*migration.text)
    }

    /// The statements of the history before the one that is judged, those of `DO` blocks not taken apart.
    pub fn statements_before(&self) -> impl Iterator<Item = &'a Statement> + use<'a> {
        self.far.texts.set(true);
        let documents = self.documents.get(..self.file).unwrap_or_default();
        let here = self.document().file.statements.get(..self.step().number);
        let earlier = documents.iter().flat_map(|document| &document.file.statements);
        earlier.chain(here.unwrap_or_default())
    }

    fn note_head(&self, number: usize) {
        if number != self.file {
            self.far.heads.set(true);
        }
    }

    /// The judged migration.
    pub fn migration(&self) -> &'a Migration {
        &self.history.migrations[self.file]
    }

    /// Its statements, comments and syntax errors.
    pub fn document(&self) -> &'a Document {
        &self.documents[self.file]
    }

    /// Its text.
    pub fn text(&self) -> &'a str {
        &self.history.migrations[self.file].text
    }

    /// Where findings about the file as a whole stand: its first line.
    pub fn first_line(&self) -> Span {
        first_line(self.text())
    }

    /// Whether an earlier migration of the history has a rollback.
    pub fn earlier_ones_have_rollbacks(&self) -> bool {
        // It may be a section of their text.
        self.far.texts.set(true);
        let mut earlier = self.history.migrations[..self.file].iter();
        earlier.any(|migration| migration.has_rollback)
    }

    /// The first line of migration `number`, as a place to point at.
    pub fn head_of(&self, number: usize) -> Origin {
        self.note_head(number);
        let migration = &self.history.migrations[number];
        Origin {
            file: u32::try_from(number).unwrap_or(u32::MAX - 1),
            span: first_line(&migration.text),
            transaction: u32::MAX,
        }
    }

    /// Replays the judged migration once more and shows every step.
    pub fn steps(&self, visit: &mut dyn FnMut(&Moment<'_>)) {
        self.timeline
            .steps(self.file, self.history, self.documents, self.settings, visit);
    }

    /// What undoes the judged migration.
    pub fn inverse(&self) -> Rollback {
        inverse(self.timeline, self.file, self.history, self.documents, self.settings)
    }

    /// A file for a fix to create; its text is written only for those who will read it.
    pub fn new_file(&self, path: &str, text: impl FnOnce() -> String) -> NewFile {
        NewFile {
            path: path.to_owned(),
            text: (self.files == NewFiles::Written).then(text),
        }
    }

    /// The text of a span of the judged migration.
    pub fn source(&self, span: Span) -> &'a str {
        span.slice(self.text())
    }

    fn moment(&self) -> &'a Moment<'a> {
        self.moment
            .expect("only step rules ask for a step, and they always have one")
    }

    /// What the step costs those who use the tables meanwhile.
    pub fn cost(&self) -> &'a Cost {
        &self.work().cost
    }

    /// What the step costs, and the locks that earlier steps of its transaction took.
    pub fn work(&self) -> &'a Work {
        self.work
            .expect("only step rules ask what a step costs, and they always know")
    }

    /// The step being judged.
    pub fn step(&self) -> &'a Step<'a> {
        self.moment().step
    }

    /// The catalog before the step.
    pub fn before(&self) -> &'a Catalog {
        self.moment().before
    }

    /// The catalog after the step.
    pub fn after(&self) -> &'a Catalog {
        self.moment().after
    }

    /// Whether edits of the file can reach the statement: it does not stand in the code of a DO block.
    pub fn is_editable(&self) -> bool {
        self.step().statement.span == self.step().outer.span
    }

    /// Whether the statement is committed before the next one runs, so that its locks are gone by then.
    pub fn commits_alone(&self) -> bool {
        !self.step().transaction.shared
    }

    /// The edit that makes the statement run `CONCURRENTLY`, with what else the file needs for that; `None` where
    /// PostgreSQL would refuse it then, since the file runs in a transaction.
    pub fn concurrently(&self, edit: Edit) -> Option<Vec<Edit>> {
        if !self.is_editable() || (!self.commits_alone() && self.step().transaction.explicit) {
            return None;
        }
        match self.settings.runner {
            _ if self.commits_alone() => Some(vec![edit]),
            // The CLI takes the statement out of the file's transaction.
            Runner::Supabase => Some(vec![edit]),
            Runner::Sqlx if self.document().file.statements.len() == 1 => {
                Some(vec![insert(0, "-- no-transaction\n"), edit])
            }
            Runner::Sqlx | Runner::Psql | Runner::PsqlSingle => None,
        }
    }

    /// Keywords in the case in which the statement's own first one is written.
    pub fn cased(&self, keywords: &str) -> String {
        let upper = self
            .source(self.step().statement.span)
            .starts_with(|first: char| first.is_ascii_uppercase());
        if upper {
            keywords.to_ascii_uppercase()
        } else {
            keywords.to_owned()
        }
    }

    /// The session's settings before the step.
    pub fn session(&self) -> &'a Session {
        self.moment().session
    }

    /// The catalog after the last migration: what it all comes to.
    pub fn last(&self) -> &'a Catalog {
        self.far.later.set(true);
        self.timeline.last()
    }

    /// The relation that the statement is about, as it was before it.
    pub fn target(&self) -> Option<(&'a Id, &'a Relation)> {
        let id = self.step().target.as_ref()?;
        self.relation(id).map(|relation| (id, relation))
    }

    /// A relation as it was before the step; one that the step is the first to mention is assumed to have been there.
    pub fn relation(&self, id: &Id) -> Option<&'a Relation> {
        let assumed = || {
            self.after()
                .relations
                .get(id)
                .filter(|new| new.meta.certainty == Certainty::Assumed)
        };
        self.before()
            .relations
            .get(id)
            .or_else(assumed)
            .map(|relation| &**relation)
    }

    /// The table that the statement is about, as it was before it, if other sessions may be using it.
    pub fn busy_target(&self) -> Option<Busy<'a>> {
        self.busy(self.step().target.as_ref()?)
    }

    /// The same, unless the file has truncated the table by then: what reads all rows or builds an index has no work.
    pub fn filled_target(&self) -> Option<Busy<'a>> {
        self.busy_target().filter(|busy| !self.is_truncated(busy.id))
    }

    /// The ALTER TABLE that the step is, if other sessions may be using the table and the file has not truncated it.
    pub fn filled_alter(&self) -> Option<(&'a AlterTable, Busy<'a>)> {
        self.busy_alter().filter(|(_, busy)| !self.is_truncated(busy.id))
    }

    /// Whether a later statement of the file drops the table, which says more than what is done to it before.
    pub fn is_dropped_later(&self, table: &Id) -> bool {
        let rest = self.document().file.statements.get(self.step().number + 1..);
        let drops = |statement: &Statement| {
            let Node::Drop(drop) = &statement.node else {
                return false;
            };
            let mut objects = drop.objects.iter();
            objects.any(|object| object.kind == ObjectKind::Table && object.name.last().value == table.name)
        };
        rest.unwrap_or_default().iter().any(drops) && self.catalog_before(self.file + 1).table(table).is_none()
    }

    /// The ALTER TABLE that the step is, if other sessions may be using the table.
    pub fn busy_alter(&self) -> Option<(&'a AlterTable, Busy<'a>)> {
        let Node::AlterTable(alter) = &self.step().statement.node else {
            return None;
        };
        self.busy_target().map(|busy| (&**alter, busy))
    }

    /// The columns that the step adds to a table that other sessions may be using, without those that are there
    /// already. Tables that the file has truncated are left out, and foreign ones, which keep no rows here.
    pub fn added_columns(&self) -> Vec<(&'a ColumnDef, Busy<'a>)> {
        let Some((alter, busy)) = self.filled_alter() else {
            return Vec::new();
        };
        let columns = alter.actions.iter().filter_map(|action| match &action.kind {
            AlterActionKind::AddColumn { column, .. } => Some(column),
            _ => None,
        });
        columns
            .filter(|column| busy.table.kind != TableKind::Foreign && !self.had_column(busy.id, &column.name.value))
            .map(|column| (column, busy))
            .collect()
    }

    /// The same, where old rows need a value: without those of a table that the file has emptied.
    pub fn columns_added_to_rows(&self) -> Vec<(&'a ColumnDef, Busy<'a>)> {
        let mut added = self.added_columns();
        added.retain(|(_, busy)| !self.is_emptied(busy.id));
        added
    }

    /// An edit in place of an ALTER TABLE whose only action adds a unique constraint: builds the index concurrently and
    /// makes it the constraint's then. `None` where that would not be the same constraint.
    pub fn index_first(&self, alter: &AlterTable, constraint: &TableConstraint, table: &Id) -> Option<Vec<Edit>> {
        let (columns, kind) = match &constraint.kind {
            TableConstraintKind::Unique {
                columns,
                include,
                nulls_not_distinct: false,
            } if include.is_empty() => (columns, "unique"),
            TableConstraintKind::PrimaryKey { columns, include } if include.is_empty() => (columns, "primary key"),
            _ => return None,
        };
        let plain = constraint.deferrable.is_none() && constraint.initially_deferred.is_none();
        if !plain || alter.actions.len() != 1 || !self.is_editable() {
            return None;
        }
        let name = self.step().changes.iter().find_map(|change| match change {
            Change::AddConstraint { table: of, constraint } if of == table => Some(quote(&constraint.name)),
            _ => None,
        })?;
        let first = columns.first()?.span.cover(columns.last()?.span);
        let (table, columns) = (self.source(alter.name.span()), self.source(first));
        let text = format!(
            "{} {name} {} {table} ({columns}){} {table} {} {name} {} {name}",
            self.cased("create unique index concurrently"),
            self.cased("on"),
            self.cased(";\nalter table"),
            self.cased("add constraint"),
            self.cased(&format!("{kind} using index")),
        );
        Some(vec![replace(self.step().statement.span, text)])
    }

    /// Where a statement that cannot run in a transaction has to go, to end a sentence of help.
    pub fn apart(&self) -> &'static str {
        if self.commits_alone() {
            return "";
        }
        if self.step().transaction.explicit {
            return ", outside of the transaction that the file opens";
        }
        match self.settings.runner {
            Runner::Supabase => ", alone in its migration",
            Runner::Sqlx => ", alone in a migration whose first line is `-- no-transaction`",
            Runner::Psql | Runner::PsqlSingle => ", alone in a migration that does not run in a transaction",
        }
    }

    /// The table of that name before the step, if other sessions may be using it: it is not temporary, was not made in
    /// this transaction, nor by the first migration of a whole history, which runs before anybody is there.
    pub fn busy(&self, id: &'a Id) -> Option<Busy<'a>> {
        let relation = self.relation(id)?;
        let table = relation.table()?;
        let created = relation.meta.created;
        if table.persistence == Persistence::Temporary || self.is_unseen(created) {
            return None;
        }
        let certainty = self.before().since(relation.meta.certainty, relation.meta.changed);
        Some(Busy {
            id,
            table,
            meta: &relation.meta,
            certainty,
        })
    }

    /// Whether a constraint of that name was there before the step and stays, so that adding it fails before any row is
    /// read: what a DO block with an exception handler counts on.
    pub fn had_constraint(&self, table: &Id, added: &TableConstraint, alter: &AlterTable) -> bool {
        let Some(name) = &added.name else { return false };
        let dropped = alter
            .actions
            .iter()
            .any(|action| matches!(&action.kind, AlterActionKind::DropConstraint { name: gone, .. } if gone == name));
        let known = self
            .before()
            .table(table)
            .and_then(|table| table.constraint(&name.value));
        !dropped && known.is_some_and(|known| known.certainty.is_certain())
    }

    /// Whether a column of that name was certainly there before the step.
    pub fn had_column(&self, table: &Id, name: &str) -> bool {
        let known = self.before().table(table).and_then(|table| table.column(name));
        known.is_some_and(|known| known.certainty.is_certain())
    }

    /// Whether no other session can see what was made there: it is of this transaction, or of a new database's first
    /// migration while that runs.
    pub fn is_unseen(&self, created: Origin) -> bool {
        if created == Origin::BASE {
            return false;
        }
        created.transaction == self.step().transaction.id || self.is_baseline()
    }

    /// Whether the judged file is the first migration of a whole history: nobody uses the database yet.
    pub fn is_baseline(&self) -> bool {
        self.file == 0 && self.is_complete()
    }

    /// Whether an API serves the schema to untrusted roles.
    pub fn is_exposed(&self, id: &Id) -> bool {
        self.settings.exposed_schemas.iter().any(|schema| *schema == id.schema)
    }

    /// The policies of a table that there are after the last migration and that a judged file created, for certain, each
    /// with the number of the file and the statement. Of a policy that a later statement changed, the first is given.
    pub fn policies_of<'r>(
        &'r self,
        id: &'r Id,
        relation: &'r Relation,
    ) -> impl Iterator<Item = FinalPolicy<'r>> + use<'r, 'a> {
        let last = self.last();
        let table = relation.table();
        let policies = table
            .into_iter()
            .flat_map(|table| table.policies.iter().map(move |policy| (table, policy)));
        policies.filter_map(move |(table, policy)| {
            let is_sure = last.since(policy.certainty, policy.created).is_certain()
                && last.taints.policies.is_none_or(|taint| taint < policy.created);
            let number = self.judged_file(policy.created).filter(|_| is_sure)?;
            let statement = self.statement_at(number, policy.created)?;
            let Node::CreatePolicy(create) = &statement.node else {
                return None;
            };
            Some(FinalPolicy {
                id,
                relation,
                table,
                policy,
                number,
                create,
            })
        })
    }

    /// The statement of migration `number` that something was made by; `None` for one inside a DO block. For project
    /// rules.
    pub fn statement_at(&self, number: usize, made: Origin) -> Option<&'a Statement> {
        let statements = &self.documents.get(number)?.file.statements;
        let at = statements.binary_search_by_key(&made.span.start, |statement| statement.span.start);
        at.ok().map(|at| &statements[at]).filter(|it| it.span == made.span)
    }

    /// The text of migration `number`. For project rules.
    pub fn text_of(&self, number: usize) -> &'a str {
        &self.history.migrations[number].text
    }

    /// The number of the file that something was made in, if project rules shall speak about it: it is judged, and not
    /// another than the only one that is asked about.
    pub fn judged_file(&self, origin: Origin) -> Option<usize> {
        let number = origin.file as usize;
        let is_asked = self.only.is_none_or(|only| only == number);
        let migration = self.history.migrations.get(number).filter(|_| is_asked)?;
        migration.judged.then_some(number)
    }
}

/// A policy after the last migration.
pub struct FinalPolicy<'a> {
    /// Its table.
    pub id: &'a Id,
    /// The table as a relation.
    pub relation: &'a Relation,
    /// The table.
    pub table: &'a Table,
    /// The policy.
    pub policy: &'a Policy,
    /// The migration that created it.
    pub number: usize,
    /// As it was written there.
    pub create: &'a CreatePolicy,
}

/// A table that other sessions may be using.
#[derive(Clone, Copy)]
pub struct Busy<'a> {
    /// Its name.
    pub id: &'a Id,
    /// As it was before the step.
    pub table: &'a Table,
    /// Its bookkeeping.
    pub meta: &'a Meta,
    /// How sure it is that it is so.
    pub certainty: Certainty,
}

impl Busy<'_> {
    /// Whether replay saw it created, and everything that changed it.
    pub fn is_certain(&self) -> bool {
        self.certainty.is_certain()
    }

    /// Its name as one would write it: without `public.`
    pub fn shown(&self) -> SmolStr {
        shown(self.id)
    }
}

/// What people call that kind of object: `event trigger`.
pub fn noun(kind: ObjectKind) -> String {
    let mut out = String::new();
    for c in format!("{kind:?}").chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push(' ');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// A statement with its semicolon, if it has one.
pub fn with_semicolon(text: &str, statement: Span) -> Span {
    let rest = text.get(statement.end as usize..).unwrap_or_default();
    let between = rest.len() - behind_comments(rest).len();
    let has_semicolon = rest[between..].starts_with(';');
    let length = if has_semicolon { between + 1 } else { 0 };
    Span::new(statement.start as usize, statement.end as usize + length)
}

/// The text without the blanks and comments that it begins with.
fn behind_comments(text: &str) -> &str {
    let rest = text.trim_start();
    if rest.starts_with("--") {
        return rest.split_once('\n').map_or("", |(_, rest)| behind_comments(rest));
    }
    if !rest.starts_with("/*") {
        return rest;
    }
    let mut depth = 0;
    let mut at = 0;
    while let Some(found) = rest[at..].find(['/', '*']) {
        let here = &rest[at + found..];
        let change = match here.get(..2) {
            Some("/*") => 1,
            Some("*/") => -1,
            _ => 0,
        };
        depth += change;
        at += found + if change == 0 { 1 } else { 2 };
        if change == -1 && depth == 0 {
            return behind_comments(&rest[at..]);
        }
    }
    ""
}

/// A statement with its semicolon, and with its line end where it fills its lines: what to cut to remove it.
pub fn whole_statement(text: &str, statement: Span) -> Span {
    let span = with_semicolon(text, statement);
    let (before, rest) = (
        text.get(..span.start as usize).unwrap_or_default(),
        text.get(span.end as usize..).unwrap_or_default(),
    );
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let blanks = rest.len() - rest.trim_start_matches([' ', '\t', '\r']).len();
    if before[line_start..].trim().is_empty() && rest[blanks..].starts_with('\n') {
        return Span::new(line_start, span.end as usize + blanks + 1);
    }
    // A comment behind it moves to where it began.
    if rest[blanks..].starts_with("--") || rest[blanks..].starts_with("/*") {
        return Span::new(span.start as usize, span.end as usize + blanks);
    }
    span
}

/// The first line of a text, without its line end.
pub fn first_line(text: &str) -> Span {
    Span::new(0, text.lines().next().unwrap_or_default().len())
}

/// Roles that a stranger can act as.
pub const UNTRUSTED_ROLES: &[&str] = &["anon", "authenticated", "public"];

/// An object's name as one would write it: without `public.`
pub fn shown(id: &Id) -> SmolStr {
    if id.schema == "public" {
        id.name.clone()
    } else {
        id.to_string().into()
    }
}

/// Where a rule puts its findings.
#[derive(Default)]
pub struct Report {
    pub(crate) findings: Vec<Finding>,
}

impl Report {
    /// Adds a finding at `span` of the judged file. `message`: lower case, names in backticks, no full stop.
    pub fn add(&mut self, span: Span, message: impl Into<String>) -> &mut Finding {
        self.findings.push(Finding {
            place: Place::Here,
            span,
            level: None,
            message: message.into(),
            help: None,
            related: Vec::new(),
            fixes: Vec::new(),
        });
        self.findings.last_mut().expect("one was just added")
    }
}

/// Which file a finding is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The judged one.
    Here,
    /// Another migration, by number.
    Migration(usize),
    /// Any other file of the project.
    Path(String),
}

/// A finding that is being written.
#[derive(Clone, Debug)]
pub struct Finding {
    pub(crate) place: Place,
    pub(crate) span: Span,
    pub(crate) level: Option<Level>,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
    pub(crate) related: Vec<(usize, Span, String)>,
    pub(crate) fixes: Vec<Fix>,
}

impl Finding {
    /// What to do: one imperative sentence.
    pub fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }

    /// Another level than the rule's own.
    pub fn level(&mut self, level: Level) -> &mut Self {
        self.level = Some(level);
        self
    }

    /// Lowers an error to a warning: it rests on something that replay could not be sure of.
    pub fn unless_certain(&mut self, certain: bool) -> &mut Self {
        if !certain {
            self.level = Some(Level::Warning);
        }
        self
    }

    /// The finding is in migration `number`.
    pub fn in_migration(&mut self, number: usize) -> &mut Self {
        self.place = Place::Migration(number);
        self
    }

    /// The finding is in a file that is no migration.
    pub fn in_file(&mut self, path: &str) -> &mut Self {
        self.place = Place::Path(path.to_owned());
        self
    }

    /// Another place that explains it; places outside the history are left out.
    pub fn related(&mut self, origin: Origin, message: impl Into<String>) -> &mut Self {
        if origin != Origin::BASE {
            self.related.push((origin.file as usize, origin.span, message.into()));
        }
        self
    }

    /// A way to mend it. `title`: imperative, capitalised.
    pub fn fix(&mut self, kind: FixKind, title: impl Into<String>, edits: Vec<Edit>) -> &mut Self {
        self.fixes.push(Fix {
            title: title.into(),
            kind,
            edits,
            creates: Vec::new(),
        });
        self
    }

    /// A way to mend it that creates a file.
    pub fn fix_with_file(&mut self, kind: FixKind, title: impl Into<String>, file: NewFile) -> &mut Self {
        self.fixes.push(Fix {
            title: title.into(),
            kind,
            edits: Vec::new(),
            creates: vec![file],
        });
        self
    }
}

/// An edit that replaces `span`.
pub fn replace(span: Span, text: impl Into<String>) -> Edit {
    Edit {
        span,
        text: text.into(),
    }
}

/// An edit that takes `span` out of the text, with the blanks before it.
pub fn remove(text: &str, span: Span) -> Edit {
    let before = text.get(..span.start as usize).unwrap_or_default();
    let blanks = before.len() - before.trim_end().len();
    replace(
        Span {
            start: span.start.saturating_sub(u32::try_from(blanks).unwrap_or(0)),
            end: span.end,
        },
        "",
    )
}

/// An edit that inserts before byte `offset`.
pub fn insert(offset: u32, text: impl Into<String>) -> Edit {
    Edit {
        span: Span {
            start: offset,
            end: offset,
        },
        text: text.into(),
    }
}
