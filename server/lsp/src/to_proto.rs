//! Byte offsets, paths and findings in the protocol's terms.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use analysis::lint::diagnostic::{Diagnostic, Level};
use analysis::lint::rule::Rule;
use analysis::lint::rule_named;
use analysis::text::Span;
use project::ProjectError;
use serde_json::json;
use tower_lsp::ls_types as proto;

use crate::capabilities::Session;
use crate::position::{Encoding, Position, Positions};
use crate::snapshot::Snapshot;

/// Name of this server in diagnostics.
pub(crate) const SOURCE: &str = "dblsp";

/// A span of one text as a range.
pub(crate) fn range(positions: &Positions<'_>, span: Span) -> proto::Range {
    let (start, end) = positions.range(span);
    proto::Range::new(position(start), position(end))
}

fn position(position: Position) -> proto::Position {
    proto::Position::new(position.line, position.character)
}

/// A file's findings.
pub(crate) fn diagnostics(
    snapshot: &Snapshot,
    path: &Path,
    found: &[Diagnostic],
    session: &Session,
) -> Vec<proto::Diagnostic> {
    if found.is_empty() {
        return Vec::new();
    }
    let text = snapshot.text(path).unwrap_or_default();
    let positions = Positions::new(&text, session.encoding);
    let mut related = Texts {
        snapshot,
        encoding: session.encoding,
        known: BTreeMap::new(),
    };
    found
        .iter()
        .map(|found| diagnostic(found, &positions, &mut related, session))
        .collect()
}

fn diagnostic(
    found: &Diagnostic,
    positions: &Positions<'_>,
    texts: &mut Texts<'_>,
    session: &Session,
) -> proto::Diagnostic {
    let href = rule_named(found.rule).and_then(|rule| rule.url().parse().ok());
    let related = found.related.iter().filter_map(|related| {
        Some(proto::DiagnosticRelatedInformation {
            location: texts.location(&related.path, related.span)?,
            message: related.message.clone(),
        })
    });
    let related: Vec<_> = related.collect();
    let fixes = found.fixes.iter();
    let fixes = fixes.map(|fix| json!({ "title": fix.title, "kind": fix.kind.name() }));
    let is_idle = found.rule == "unused-allow";
    proto::Diagnostic {
        range: range(positions, found.span),
        severity: Some(severity(found.level)),
        code: Some(proto::NumberOrString::String(found.rule.to_owned())),
        code_description: href
            .filter(|_| session.code_description)
            .map(|href| proto::CodeDescription { href }),
        source: Some(SOURCE.to_owned()),
        message: message(found),
        related_information: (session.related_information && !related.is_empty()).then_some(related),
        tags: (session.tags && is_idle).then(|| vec![proto::DiagnosticTag::UNNECESSARY]),
        data: session
            .data
            .then(|| json!({ "rule": found.rule, "fixes": fixes.collect::<Vec<_>>() })),
    }
}

/// A rule's page as Markdown, without its name.
pub(crate) fn page(rule: &Rule) -> String {
    rule.text().trim().to_owned()
}

/// What happens, and on a line of its own what to do about it.
fn message(found: &Diagnostic) -> String {
    match &found.help {
        Some(help) => format!("{}\n{help}", found.message),
        None => found.message.clone(),
    }
}

fn severity(level: Level) -> proto::DiagnosticSeverity {
    match level {
        Level::Error => proto::DiagnosticSeverity::ERROR,
        Level::Warning => proto::DiagnosticSeverity::WARNING,
        Level::Info => proto::DiagnosticSeverity::INFORMATION,
        Level::Hint => proto::DiagnosticSeverity::HINT,
    }
}

/// What is wrong with a project, at its place in the file it is about.
pub(crate) fn problem(problem: &ProjectError, text: &str, session: &Session) -> proto::Diagnostic {
    let positions = Positions::new(text, session.encoding);
    let place = problem.place().and_then(|(_, place)| place);
    let start = place.map_or(0, |(line, column)| offset(text, line, column));
    let rest = &text[start..];
    let length = rest.find(['\n', '\r']).unwrap_or(rest.len());
    proto::Diagnostic {
        range: range(&positions, Span::new(start, start + length)),
        severity: Some(proto::DiagnosticSeverity::ERROR),
        source: Some(SOURCE.to_owned()),
        message: format!("{}\n{}", problem.message(), problem.hint()),
        ..proto::Diagnostic::default()
    }
}

/// The byte of a 1-based line and a 1-based column in characters.
fn offset(text: &str, line: u32, column: u32) -> usize {
    let positions = Positions::new(text, Encoding::Utf32);
    let place = Position {
        line: line.saturating_sub(1),
        character: column.saturating_sub(1),
    };
    text.floor_char_boundary(positions.offset(place) as usize)
}

/// Edits of files, as the client takes them.
pub(crate) struct Edits<'s> {
    snapshot: &'s Snapshot,
    session: &'s Session,
    files: Vec<proto::TextDocumentEdit>,
}

impl<'s> Edits<'s> {
    /// No edits yet.
    pub(crate) fn new(snapshot: &'s Snapshot, session: &'s Session) -> Self {
        Self {
            snapshot,
            session,
            files: Vec::new(),
        }
    }

    /// Adds all edits of one file.
    pub(crate) fn add(&mut self, path: &Path, edits: Vec<(Span, String)>) {
        let Some(uri) = self.snapshot.uri(path) else { return };
        let text = self.snapshot.text(path).unwrap_or_default();
        let positions = Positions::new(&text, self.session.encoding);
        let edits = edits.into_iter().map(|(span, new_text)| {
            proto::OneOf::Left(proto::TextEdit {
                range: range(&positions, span),
                new_text,
            })
        });
        let version = self.snapshot.version(path);
        self.files.push(proto::TextDocumentEdit {
            text_document: proto::OptionalVersionedTextDocumentIdentifier { uri, version },
            edits: edits.collect(),
        });
    }

    /// With versions, where the client heeds them: it then refuses edits of a text that it has changed since.
    pub(crate) fn finish(self) -> proto::WorkspaceEdit {
        if self.session.document_changes {
            return proto::WorkspaceEdit {
                document_changes: Some(proto::DocumentChanges::Edits(self.files)),
                ..proto::WorkspaceEdit::default()
            };
        }
        let files = self.files.into_iter().map(|file| {
            let edits = file.edits.into_iter().map(|edit| match edit {
                proto::OneOf::Left(edit) => edit,
                proto::OneOf::Right(annotated) => annotated.text_edit,
            });
            (file.text_document.uri, edits.collect())
        });
        proto::WorkspaceEdit {
            changes: Some(files.collect()),
            ..proto::WorkspaceEdit::default()
        }
    }
}

/// Texts of other files that places in them are counted in.
pub(crate) struct Texts<'s> {
    snapshot: &'s Snapshot,
    encoding: Encoding,
    known: BTreeMap<String, Arc<str>>,
}

impl<'s> Texts<'s> {
    /// A place in the file that a history shows as `shown`.
    pub(crate) fn location(&mut self, shown: &str, span: Span) -> Option<proto::Location> {
        let path = self.snapshot.path(shown);
        let snapshot: &'s Snapshot = self.snapshot;
        let text = self
            .known
            .entry(shown.to_owned())
            .or_insert_with(|| snapshot.text(&path).unwrap_or_default());
        Some(proto::Location {
            uri: snapshot.uri(&path)?,
            range: range(&Positions::new(text, self.encoding), span),
        })
    }
}
