//! What a rule is: a name, a page and a function. The `rule!` macro makes the page of the doc comment.

use super::context::{Cx, Report};
use super::diagnostic::{FixKind, Level};
use crate::schema::objects::{Id, Relation, Routine, Signature};

/// What a rule is about; groups the rule pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    /// The text is no PostgreSQL.
    Syntax,
    /// File names, companions, what must not be mentioned.
    Convention,
    /// What is applied where, and how.
    Deployment,
    /// Other sessions wait.
    Lock,
    /// The whole table is written again.
    Rewrite,
    /// Existing rows are checked, or make the statement fail.
    ConstraintValidation,
    /// Rows or values go.
    DataLoss,
    /// Programs that use the database break.
    BreakingClient,
    /// What belongs together is not in one transaction, or what must not be, is.
    Transaction,
    /// Untrusted roles can read or do more than they should.
    Security,
    /// An object that is not there, or is there already.
    Coupling,
    /// Taste with a reason.
    Style,
}

impl Category {
    /// The category's name on rule pages.
    pub fn name(self) -> &'static str {
        match self {
            Category::Syntax => "syntax",
            Category::Convention => "convention",
            Category::Deployment => "deployment",
            Category::Lock => "lock",
            Category::Rewrite => "rewrite",
            Category::ConstraintValidation => "constraint validation",
            Category::DataLoss => "data loss",
            Category::BreakingClient => "breaking client",
            Category::Transaction => "transaction",
            Category::Security => "security",
            Category::Coupling => "coupling",
            Category::Style => "style",
        }
    }
}

/// How often a rule looks.
#[derive(Clone, Copy)]
pub enum Check {
    /// Once per step of a judged migration: see [`super::context::Subject::step`].
    Step(fn(&Cx<'_>, &mut Report)),
    /// Once per judged migration.
    Migration(fn(&Cx<'_>, &mut Report)),
    /// Once per relation that is there in the end.
    Relation(fn(&Cx<'_>, &Id, &Relation, &mut Report)),
    /// Once per function, procedure or aggregate that is there in the end.
    Routine(fn(&Cx<'_>, &Signature, &Routine, &mut Report)),
    /// Once per project.
    Project(fn(&Cx<'_>, &mut Report)),
}

/// A rule.
pub struct Rule {
    /// Kebab case; file, configuration key, page and LSP code.
    pub name: &'static str,
    /// The doc comment: first line, then `## When`, `## Why`, `## Bad`, `## Good`, `## Fix`, `## References`.
    pub page: &'static str,
    /// What it is about.
    pub category: Category,
    /// Level unless settings say otherwise.
    pub level: Level,
    /// Whether it has a fix, and of which kind.
    pub fix: FixKind,
    /// Version of dblsp that first had it.
    pub since: &'static str,
    /// Whether the rule belongs to the migration convention, which a project turns on with `dblsp init`.
    pub convention: bool,
    /// The function.
    pub check: Check,
}

impl Rule {
    /// The first line of the page: what happens, in one sentence.
    pub fn summary(&self) -> &'static str {
        self.page.trim().lines().next().unwrap_or_default().trim()
    }

    /// The page in Markdown, below its name: what the doc comment says, what words of it mean that many pages share, and
    /// how to allow a finding.
    pub fn text(&self) -> String {
        // Doc comments keep the space after `///`.
        let lines = self.page.lines().map(|line| line.strip_prefix(' ').unwrap_or(line));
        let page = lines.collect::<Vec<_>>().join("\n");
        let words = WORDS.iter().filter(|(words, _)| page.contains(words));
        let words: String = words.flat_map(|(_, meaning)| [meaning, "\n\n"]).collect();
        let name = self.name;
        let allow = format!(
            "## Allow\n\
             Where it is right as it is, say why: `-- dblsp: allow {name} (reason)` above the statement, or\n\
             `-- dblsp: allow-file {name} (reason)` for the whole migration. `{name} = \"off\"` below `[rules]` in\n\
             `dblsp.toml` turns the rule off for the project.\n\n"
        );
        let page = page.replacen("## Why\n", &format!("{words}## Why\n"), 1);
        let page = page.replacen("## References\n", &format!("{allow}## References\n"), 1);
        page.trim().to_owned() + "\n"
    }

    /// Address of the rule's page.
    pub fn url(&self) -> String {
        format!("{}/{}.md", PAGES, self.name)
    }
}

/// Words of the pages, and what they mean.
const WORDS: [(&str, &str); 2] = [
    (
        "other sessions may be using",
        "A table that other sessions may be using is any that an earlier transaction has made and that is not temporary.\n\
         While the first migration of a whole history runs, there is none.",
    ),
    (
        "exposed schema",
        "A schema is exposed where the project's API serves it: `exposed_schemas` of `dblsp.toml`, else `[api] schemas` of\n\
         `supabase/config.toml`.",
    ),
];

/// Where the rule pages are published.
pub const PAGES: &str = "https://github.com/dblsp/dblsp/blob/main/docs/rules";

/// Declares a rule: its doc comment is its page. One per file; register it in `rules/mod.rs`.
macro_rules! rule {
    (
        $(#[doc = $line:literal])+
        $name:literal,
        category: $category:expr,
        level: $level:expr,
        fix: $fix:expr,
        since: $since:literal,
        $(convention: $convention:literal,)?
        check: $check:expr $(,)?
    ) => {
        /// The rule of this file.
        pub(crate) static RULE: $crate::lint::rule::Rule = $crate::lint::rule::Rule {
            name: $name,
            page: concat!($($line, "\n"),+),
            category: $category,
            level: $level,
            fix: $fix,
            since: $since,
            convention: false $(|| $convention)?,
            check: $check,
        };
    };
}
pub(crate) use rule;
