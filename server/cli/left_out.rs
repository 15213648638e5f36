//! Commands that this dblsp was built without, and what to say where somebody asks for one.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::failure::Failure;

/// Commands of the features `database` and `lsp`.
const COMMANDS: [&str; 22] = [
    "link", "status", "plan", "apply", "rollback", "restore", "archive", "snapshot", "test", "drift", "baseline",
    "adopt", "mark", "history", "doctor", "tools", "prove", "shadow", "trace", "graph", "report", "lsp",
];

/// Whether that is why the arguments could not be read.
pub(crate) fn asked_for(error: &clap::Error) -> Option<Failure> {
    let Some(ContextValue::String(name)) = error.get(ContextKind::InvalidSubcommand) else {
        return None;
    };
    let is_left_out = error.kind() == ErrorKind::InvalidSubcommand && COMMANDS.contains(&name.as_str());
    is_left_out.then(|| {
        Failure::usage(
            format!("this dblsp judges migrations only; it was built without `{name}`"),
            "install one that has every command: `cargo install --path .` in a clone of dblsp, or its package for pip or \
             npm",
        )
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::args::Args;

    #[test]
    fn the_list_is_what_a_small_build_has_not() {
        let command = Args::command();
        let there: BTreeSet<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
        for name in COMMANDS {
            let is_there = cfg!(feature = "lsp") || (cfg!(feature = "database") && name != "lsp");
            assert_eq!(there.contains(name), is_there, "{name}");
        }
        let small = [
            "check",
            "fix",
            "explain",
            "rules",
            "init",
            "new",
            "scaffold",
            "schema",
            "completions",
            "man",
        ];
        let known: BTreeSet<&str> = COMMANDS.into_iter().chain(small).collect();
        assert!(
            there.is_subset(&known),
            "in which builds is it? {:?}",
            there.difference(&known)
        );
    }

    #[test]
    fn a_command_that_nobody_knows_is_not_taken_for_one() {
        let error = Args::try_parse_from(["dblsp", "chekc"]).expect_err("there is no such command");
        assert!(asked_for(&error).is_none());
    }
}
