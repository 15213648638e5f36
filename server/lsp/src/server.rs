//! The protocol's methods, one line each, and the loop that serves them.

use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tower_lsp::jsonrpc::{Request, Result};
use tower_lsp::ls_types as proto;
use tower_lsp::{LanguageServer, LspService, Server as Transport};
use tower_service::Service;

use crate::commands;
use crate::frames;
use crate::handlers::{
    actions, cancel, completion, definition, diagnostics, documents, files, folders, folding, hints, hover, lenses,
    lifecycle, migrations, references, rename, symbols, tokens,
};
use crate::state::{Reader, Shared};

/// How many messages are worked on at once: with few, slow requests would hold up typing.
const CONCURRENCY: usize = 64;

/// Bytes on their way from the editor's pipe to the transport.
const PIPE: usize = 64 << 10;

const UNREADABLE: &str = "a message was left out: it is no JSON-RPC";

/// Serves an editor until it says `exit` or goes away; whether it said `shutdown` before, as it should.
pub async fn serve(input: impl AsyncRead + Unpin, output: impl AsyncWrite) -> bool {
    serve_reading(input, output, analysis::parse).await
}

/// The same, with another way to read migrations.
pub(crate) async fn serve_reading(input: impl AsyncRead + Unpin, output: impl AsyncWrite, read: Reader) -> bool {
    let (service, socket) = LspService::build(|client| Server {
        shared: Arc::new(Shared::new(client, read)),
    })
    .custom_method("dblsp/migrations", Server::migrations)
    .custom_method("window/workDoneProgress/cancel", Server::work_done_progress_cancel)
    .finish();
    let shared = Arc::clone(&service.inner().shared);
    let exit = Arc::new(Notify::new());
    let service = EndAtExit {
        service,
        exit: Arc::clone(&exit),
    };
    let (written, readable) = tokio::io::duplex(PIPE);
    let reading = frames::copy(input, written, || {
        let client = shared.client.clone();
        tokio::spawn(async move { client.log_message(proto::MessageType::WARNING, UNREADABLE).await });
    });
    let serving = Transport::new(readable, output, socket)
        .concurrency_level(CONCURRENCY)
        .serve(service);
    tokio::select! {
        ((), ()) = async { tokio::join!(reading, serving) } => {}
        // Nothing that is still being worked on matters any more.
        () = exit.notified() => {}
    }
    shared.is_shut_down()
}

/// The transport ends after `exit` only once every running request is answered; this says at once that it came.
struct EndAtExit {
    service: LspService<Server>,
    exit: Arc<Notify>,
}

impl Service<Request> for EndAtExit {
    type Response = <LspService<Server> as Service<Request>>::Response;
    type Error = <LspService<Server> as Service<Request>>::Error;
    type Future = <LspService<Server> as Service<Request>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<std::result::Result<(), Self::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if request.method() == "exit" {
            self.exit.notify_one();
        }
        self.service.call(request)
    }
}

/// Passes messages on.
pub(crate) struct Server {
    shared: Arc<Shared>,
}

impl Server {
    /// Parameters are an empty object, for what may be asked later.
    async fn migrations(&self, _: proto::LSPAny) -> Result<Vec<migrations::Listed>> {
        Ok(migrations::migrations(&self.shared).await)
    }

    #[expect(clippy::unused_async, reason = "the builder takes handlers that may wait")]
    async fn work_done_progress_cancel(&self, params: proto::WorkDoneProgressCancelParams) {
        cancel::progress(&self.shared, &params);
    }
}

impl LanguageServer for Server {
    async fn initialize(&self, params: proto::InitializeParams) -> Result<proto::InitializeResult> {
        Ok(lifecycle::initialize(&self.shared, params))
    }

    async fn initialized(&self, _: proto::InitializedParams) {
        lifecycle::initialized(&self.shared);
    }

    async fn shutdown(&self) -> Result<()> {
        lifecycle::shutdown(&self.shared);
        Ok(())
    }

    async fn did_open(&self, params: proto::DidOpenTextDocumentParams) {
        documents::open(&self.shared, params);
    }

    async fn did_change(&self, params: proto::DidChangeTextDocumentParams) {
        documents::change(&self.shared, params);
    }

    async fn did_save(&self, params: proto::DidSaveTextDocumentParams) {
        documents::save(&self.shared, &params);
    }

    async fn did_close(&self, params: proto::DidCloseTextDocumentParams) {
        documents::close(&self.shared, &params);
    }

    async fn hover(&self, params: proto::HoverParams) -> Result<Option<proto::Hover>> {
        Ok(hover::hover(&self.shared, params).await)
    }

    async fn goto_definition(
        &self,
        params: proto::GotoDefinitionParams,
    ) -> Result<Option<proto::GotoDefinitionResponse>> {
        Ok(definition::definition(&self.shared, params).await)
    }

    async fn goto_type_definition(
        &self,
        params: proto::request::GotoTypeDefinitionParams,
    ) -> Result<Option<proto::request::GotoTypeDefinitionResponse>> {
        Ok(definition::type_definition(&self.shared, params).await)
    }

    async fn references(&self, params: proto::ReferenceParams) -> Result<Option<Vec<proto::Location>>> {
        Ok(references::references(&self.shared, params).await)
    }

    async fn document_highlight(
        &self,
        params: proto::DocumentHighlightParams,
    ) -> Result<Option<Vec<proto::DocumentHighlight>>> {
        Ok(references::highlights(&self.shared, params).await)
    }

    async fn document_symbol(
        &self,
        params: proto::DocumentSymbolParams,
    ) -> Result<Option<proto::DocumentSymbolResponse>> {
        Ok(symbols::document(&self.shared, params).await)
    }

    async fn symbol(&self, params: proto::WorkspaceSymbolParams) -> Result<Option<proto::WorkspaceSymbolResponse>> {
        Ok(symbols::workspace(&self.shared, params).await)
    }

    async fn folding_range(&self, params: proto::FoldingRangeParams) -> Result<Option<Vec<proto::FoldingRange>>> {
        Ok(folding::ranges(&self.shared, params).await)
    }

    async fn selection_range(&self, params: proto::SelectionRangeParams) -> Result<Option<Vec<proto::SelectionRange>>> {
        Ok(folding::selections(&self.shared, params).await)
    }

    async fn semantic_tokens_full(
        &self,
        params: proto::SemanticTokensParams,
    ) -> Result<Option<proto::SemanticTokensResult>> {
        Ok(tokens::full(&self.shared, params).await)
    }

    async fn semantic_tokens_range(
        &self,
        params: proto::SemanticTokensRangeParams,
    ) -> Result<Option<proto::SemanticTokensRangeResult>> {
        Ok(tokens::range(&self.shared, params).await)
    }

    async fn code_lens(&self, params: proto::CodeLensParams) -> Result<Option<Vec<proto::CodeLens>>> {
        Ok(lenses::all(&self.shared, params).await)
    }

    async fn inlay_hint(&self, params: proto::InlayHintParams) -> Result<Option<Vec<proto::InlayHint>>> {
        Ok(hints::all(&self.shared, params).await)
    }

    async fn completion(&self, params: proto::CompletionParams) -> Result<Option<proto::CompletionResponse>> {
        Ok(completion::items(&self.shared, params).await)
    }

    async fn signature_help(&self, params: proto::SignatureHelpParams) -> Result<Option<proto::SignatureHelp>> {
        Ok(completion::signatures(&self.shared, params).await)
    }

    async fn diagnostic(
        &self,
        params: proto::DocumentDiagnosticParams,
    ) -> Result<proto::DocumentDiagnosticReportResult> {
        Ok(diagnostics::document(&self.shared, params).await)
    }

    async fn workspace_diagnostic(
        &self,
        params: proto::WorkspaceDiagnosticParams,
    ) -> Result<proto::WorkspaceDiagnosticReportResult> {
        Ok(diagnostics::workspace(&self.shared, params).await)
    }

    async fn prepare_rename(
        &self,
        params: proto::TextDocumentPositionParams,
    ) -> Result<Option<proto::PrepareRenameResponse>> {
        rename::prepare(&self.shared, params).await
    }

    async fn rename(&self, params: proto::RenameParams) -> Result<Option<proto::WorkspaceEdit>> {
        rename::rename(&self.shared, params).await
    }

    async fn code_action(&self, params: proto::CodeActionParams) -> Result<Option<proto::CodeActionResponse>> {
        Ok(actions::actions(&self.shared, params).await)
    }

    async fn code_action_resolve(&self, action: proto::CodeAction) -> Result<proto::CodeAction> {
        Ok(actions::resolve(action))
    }

    async fn execute_command(&self, params: proto::ExecuteCommandParams) -> Result<Option<proto::LSPAny>> {
        commands::execute(&self.shared, params).await
    }

    async fn did_change_watched_files(&self, params: proto::DidChangeWatchedFilesParams) {
        files::changed(&self.shared, &params);
    }

    async fn did_change_workspace_folders(&self, params: proto::DidChangeWorkspaceFoldersParams) {
        folders::changed(&self.shared, params);
    }
}
