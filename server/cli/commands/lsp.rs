//! `dblsp lsp`: the language server, on standard input and output.

use anyhow::Context;

use crate::failure::Exit;

pub(crate) fn run() -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        // What was read is let go on these threads, and it nests as deeply as the SQL did.
        .thread_stack_size(project::STACK)
        .build()
        .context("the server's threads cannot be started")?;
    let was_shut_down = runtime.block_on(lsp::serve(tokio::io::stdin(), tokio::io::stdout()));
    // A thread may still be reading standard input, which editors keep open; nobody waits for it.
    runtime.shutdown_background();
    // The protocol asks for exit code 1 where `exit` came without `shutdown`.
    Ok(if was_shut_down { Exit::Clean } else { Exit::Findings })
}
