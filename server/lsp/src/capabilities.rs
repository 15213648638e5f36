//! What a client can do, and what the server offers it.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use tower_lsp::ls_types::{
    ClientCapabilities, CodeActionKind, CodeActionOptions, CodeActionProviderCapability, CodeLensOptions,
    CompletionOptions, DiagnosticOptions, DiagnosticServerCapabilities, ExecuteCommandOptions,
    FoldingRangeProviderCapability, HoverProviderCapability, InitializeParams, OneOf, PositionEncodingKind,
    RenameOptions, ResourceOperationKind, SaveOptions, SelectionRangeProviderCapability, SemanticTokensFullOptions,
    SemanticTokensOptions, ServerCapabilities, SignatureHelpOptions, TextDocumentSyncCapability, TextDocumentSyncKind,
    TextDocumentSyncOptions, TextDocumentSyncSaveOptions, TypeDefinitionProviderCapability, WorkDoneProgressOptions,
    WorkspaceFoldersServerCapabilities, WorkspaceServerCapabilities,
};

use crate::commands;
use crate::from_proto;
use crate::handlers::{actions, tokens};
use crate::position::Encoding;

/// What was agreed on at `initialize`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Session {
    /// Units of characters in positions.
    pub(crate) encoding: Encoding,
    /// Folders that were open at the start.
    pub(crate) folders: Vec<PathBuf>,
    /// What else the client asked for.
    pub(crate) options: Options,
    /// The client tells about changed files if asked to.
    pub(crate) watches: bool,
    /// The client shows progress.
    pub(crate) progress: bool,
    /// A diagnostic may lead to the rule's page.
    pub(crate) code_description: bool,
    /// A diagnostic may point at other places.
    pub(crate) related_information: bool,
    /// A diagnostic may say that its place is unnecessary.
    pub(crate) tags: bool,
    /// A diagnostic comes back with its data.
    pub(crate) data: bool,
    /// Edits may name the version of the text that they are for.
    pub(crate) document_changes: bool,
    /// Edits may rename files.
    pub(crate) renames: bool,
    /// The client opens a file when asked to.
    pub(crate) show_document: bool,
    /// The client asks for findings, and asks again when told to.
    pub(crate) pulls: bool,
    /// The client expands snippets.
    pub(crate) snippets: bool,
    /// The client asks anew for code lenses when told to.
    pub(crate) refreshes_lenses: bool,
    /// The client asks anew for colours when told to.
    pub(crate) refreshes_tokens: bool,
    /// The client asks anew for inlay hints when told to.
    pub(crate) refreshes_hints: bool,
}

/// `initializationOptions`; unknown ones are ignored, so that older servers live with newer plugins.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Options {
    /// Milliseconds without an edit before findings are looked for.
    pub(crate) debounce: u64,
    /// Whether locks are shown beside statements.
    pub(crate) inlay_hints: bool,
    /// Whether the user trusts the workspace: it says which databases there are, and what is run on them. Without,
    /// nothing connects and nothing is executed.
    pub(crate) trusted: bool,
    /// Whether the client answers `dblsp/confirm`.
    pub(crate) confirm: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            debounce: 100,
            inlay_hints: true,
            trusted: false,
            confirm: false,
        }
    }
}

impl Options {
    /// As a time.
    pub(crate) fn debounce(&self) -> Duration {
        Duration::from_millis(self.debounce)
    }
}

impl Session {
    /// Reads what the client says about itself.
    pub(crate) fn of(params: InitializeParams) -> Self {
        let InitializeParams {
            capabilities,
            initialization_options,
            workspace_folders,
            #[expect(deprecated, reason = "older clients send nothing else")]
            root_uri,
            ..
        } = params;
        let folders = match workspace_folders {
            Some(folders) => folders.into_iter().map(|folder| folder.uri).collect(),
            None => Vec::from_iter(root_uri),
        };
        let ClientCapabilities {
            workspace,
            text_document,
            window,
            general,
            ..
        } = capabilities;
        let workspace = workspace.unwrap_or_default();
        let edits = workspace.workspace_edit.unwrap_or_default();
        let operations = edits.resource_operations.unwrap_or_default();
        let window = window.unwrap_or_default();
        let documents = text_document.unwrap_or_default();
        let published = documents.publish_diagnostics.unwrap_or_default();
        let completed = documents.completion.and_then(|completion| completion.completion_item);
        let can_pull_again = workspace.diagnostics.and_then(|pulled| pulled.refresh_support);
        let encodings = general
            .and_then(|general| general.position_encodings)
            .unwrap_or_default();
        Self {
            encoding: Encoding::choose(encodings.iter().map(PositionEncodingKind::as_str)),
            folders: folders.iter().filter_map(from_proto::path).collect(),
            options: initialization_options
                .and_then(|options| serde_json::from_value(options).ok())
                .unwrap_or_default(),
            watches: workspace
                .did_change_watched_files
                .and_then(|watching| watching.dynamic_registration)
                .unwrap_or_default(),
            progress: window.work_done_progress.unwrap_or_default(),
            code_description: published.code_description_support.unwrap_or_default(),
            related_information: published.related_information.unwrap_or_default(),
            tags: published.tag_support.is_some(),
            data: published.data_support.unwrap_or_default(),
            document_changes: edits.document_changes.unwrap_or_default(),
            renames: edits.document_changes.unwrap_or_default() && operations.contains(&ResourceOperationKind::Rename),
            show_document: window.show_document.is_some_and(|show| show.support),
            pulls: documents.diagnostic.is_some() && can_pull_again.unwrap_or_default(),
            snippets: completed.and_then(|item| item.snippet_support).unwrap_or_default(),
            refreshes_lenses: workspace
                .code_lens
                .and_then(|lenses| lenses.refresh_support)
                .unwrap_or_default(),
            refreshes_tokens: workspace
                .semantic_tokens
                .and_then(|tokens| tokens.refresh_support)
                .unwrap_or_default(),
            refreshes_hints: workspace
                .inlay_hint
                .and_then(|hints| hints.refresh_support)
                .unwrap_or_default(),
        }
    }

    /// What the server offers.
    pub(crate) fn server(&self) -> ServerCapabilities {
        ServerCapabilities {
            position_encoding: Some(PositionEncodingKind::new(self.encoding.name())),
            text_document_sync: Some(TextDocumentSyncCapability::Options(TextDocumentSyncOptions {
                open_close: Some(true),
                change: Some(TextDocumentSyncKind::INCREMENTAL),
                save: Some(TextDocumentSyncSaveOptions::SaveOptions(SaveOptions {
                    include_text: Some(false),
                })),
                ..TextDocumentSyncOptions::default()
            })),
            hover_provider: Some(HoverProviderCapability::Simple(true)),
            definition_provider: Some(OneOf::Left(true)),
            type_definition_provider: Some(TypeDefinitionProviderCapability::Simple(true)),
            references_provider: Some(OneOf::Left(true)),
            rename_provider: Some(OneOf::Right(RenameOptions {
                prepare_provider: Some(true),
                work_done_progress_options: WorkDoneProgressOptions::default(),
            })),
            document_highlight_provider: Some(OneOf::Left(true)),
            document_symbol_provider: Some(OneOf::Left(true)),
            workspace_symbol_provider: Some(OneOf::Left(true)),
            folding_range_provider: Some(FoldingRangeProviderCapability::Simple(true)),
            selection_range_provider: Some(SelectionRangeProviderCapability::Simple(true)),
            semantic_tokens_provider: Some(
                SemanticTokensOptions {
                    legend: tokens::legend(),
                    range: Some(true),
                    full: Some(SemanticTokensFullOptions::Bool(true)),
                    ..SemanticTokensOptions::default()
                }
                .into(),
            ),
            inlay_hint_provider: self.options.inlay_hints.then_some(OneOf::Left(true)),
            code_lens_provider: Some(CodeLensOptions {
                resolve_provider: Some(false),
            }),
            completion_provider: Some(CompletionOptions {
                trigger_characters: Some([".", "\"", "@"].map(str::to_owned).to_vec()),
                ..CompletionOptions::default()
            }),
            signature_help_provider: Some(SignatureHelpOptions {
                trigger_characters: Some(["(", ","].map(str::to_owned).to_vec()),
                ..SignatureHelpOptions::default()
            }),
            diagnostic_provider: self.pulls.then(|| {
                DiagnosticServerCapabilities::Options(DiagnosticOptions {
                    identifier: Some("dblsp".to_owned()),
                    inter_file_dependencies: true,
                    workspace_diagnostics: true,
                    ..DiagnosticOptions::default()
                })
            }),
            code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
                code_action_kinds: Some(vec![CodeActionKind::QUICKFIX, CodeActionKind::SOURCE, actions::FIX_ALL]),
                resolve_provider: Some(true),
                ..CodeActionOptions::default()
            })),
            execute_command_provider: Some(ExecuteCommandOptions {
                commands: commands::names(),
                ..ExecuteCommandOptions::default()
            }),
            workspace: Some(WorkspaceServerCapabilities {
                workspace_folders: Some(WorkspaceFoldersServerCapabilities {
                    supported: Some(true),
                    change_notifications: Some(OneOf::Left(true)),
                }),
                file_operations: None,
            }),
            ..ServerCapabilities::default()
        }
    }
}
