//! Starts the language server in Zed: the program that the settings name, else the one on the `PATH`.

use zed_extension_api::settings::LspSettings;
use zed_extension_api::{register_extension, Command, Extension, LanguageServerId, Result, Worktree};

struct Dblsp;

impl Extension for Dblsp {
    fn new() -> Self {
        Self
    }

    fn language_server_command(&mut self, server: &LanguageServerId, worktree: &Worktree) -> Result<Command> {
        let binary = LspSettings::for_worktree(server.as_ref(), worktree)?.binary;
        let chosen = binary.and_then(|binary| binary.path);
        let command = chosen
            .or_else(|| worktree.which("dblsp"))
            .ok_or("`dblsp` is not on the PATH; install it, or set lsp.dblsp.binary.path")?;
        Ok(Command {
            command,
            args: vec!["lsp".into()],
            env: worktree.shell_env(),
        })
    }
}

register_extension!(Dblsp);
