//! What can be done about a place: fixes, comments that allow a finding, files to be written, the workflow's commands.

use std::sync::Arc;

use analysis::lint::diagnostic::{Diagnostic, Edit, FixKind};
use analysis::lint::fixing::{Willing, together};
use analysis::lint::rule::Check;
use analysis::lint::rule_named;
use project::rename::Rename;
use serde_json::{Value, json};
use tower_lsp::ls_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, CodeActionParams, Command, DocumentChangeOperation,
    DocumentChanges, NumberOrString, RenameFile, ResourceOp, WorkspaceEdit,
};

use crate::allow;
use crate::commands;
use crate::from_proto;
use crate::handlers::prove;
use crate::judge;
use crate::position::Positions;
use crate::state::{Question, Shared};
use crate::to_proto;

/// Every safe fix of a file at once.
pub(crate) const FIX_ALL: CodeActionKind = CodeActionKind::new("source.fixAll.dblsp");

pub(crate) async fn actions(shared: &Arc<Shared>, params: CodeActionParams) -> Option<Vec<CodeActionOrCommand>> {
    let uri = params.text_document.uri.clone();
    shared
        .ask(&uri, "looking for code actions", move |question| {
            let text = question.snapshot.text(question.path)?;
            let found = judge::one(question.snapshot, question.path, &question.shared.guard)?;
            let actions = Actions {
                question,
                positions: Positions::new(&text, question.shared.session().encoding),
                text: &text,
                params: &params,
            };
            let all = actions.all(&found).into_iter();
            Some(all.map(CodeActionOrCommand::CodeAction).collect())
        })
        .await
}

/// Nothing is left to be filled in; editors ask all the same about actions without an edit.
pub(crate) fn resolve(action: CodeAction) -> CodeAction {
    action
}

struct Actions<'q> {
    question: &'q Question<'q>,
    positions: Positions<'q>,
    text: &'q str,
    params: &'q CodeActionParams,
}

impl Actions<'_> {
    fn all(&self, found: &[Diagnostic]) -> Vec<CodeAction> {
        let range = self.params.range;
        let (start, end) = (from_proto::position(range.start), from_proto::position(range.end));
        let asked = self.positions.span(start, end);
        let here: Vec<&Diagnostic> = found
            .iter()
            .filter(|found| found.span.start <= asked.end && asked.start <= found.span.end)
            .collect();
        let mut actions = Vec::new();
        if self.wants(&CodeActionKind::QUICKFIX) {
            for found in &here {
                self.fixes(found, &mut actions);
            }
            for found in &here {
                self.others(found, &mut actions);
            }
        }
        if self.wants(&FIX_ALL) {
            actions.extend(self.fix_all(found));
        }
        if self.wants(&CodeActionKind::SOURCE) {
            self.files(&mut actions);
        }
        // Only who looks for them sees them: they are about the database, and not about the place.
        if self.params.context.only.is_some() && self.wants(&CodeActionKind::SOURCE) {
            actions.extend(commands::WORKFLOW.iter().map(|(command, title)| {
                let arguments = vec![self.uri()];
                of_command(title, CodeActionKind::SOURCE, command, arguments)
            }));
        }
        actions
    }

    /// Whether the editor asked for actions of that kind.
    fn wants(&self, kind: &CodeActionKind) -> bool {
        let Some(only) = &self.params.context.only else {
            return true;
        };
        only.iter().any(|wanted| {
            let rest = kind.as_str().strip_prefix(wanted.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || wanted.as_str().is_empty())
        })
    }

    fn uri(&self) -> Value {
        json!(self.params.text_document.uri)
    }

    /// The diagnostics that the editor has sent about a finding.
    fn diagnostics(&self, found: &Diagnostic) -> Option<Vec<tower_lsp::ls_types::Diagnostic>> {
        let range = to_proto::range(&self.positions, found.span);
        let sent = self.params.context.diagnostics.iter();
        let same = sent.filter(|sent| {
            let is_of_rule = matches!(&sent.code, Some(NumberOrString::String(code)) if code == found.rule);
            is_of_rule && sent.range == range
        });
        Some(same.cloned().collect::<Vec<_>>()).filter(|same| !same.is_empty())
    }

    fn fixes(&self, found: &Diagnostic, actions: &mut Vec<CodeAction>) {
        for fix in &found.fixes {
            let mut action = if fix.creates.is_empty() {
                of_edit(&fix.title, CodeActionKind::QUICKFIX, self.edit(&fix.edits))
            } else {
                // The server writes files itself: what editors make of a CreateFile differs, and may stay unsaved.
                let command = if found.rule == "smoke-test-missing" {
                    commands::CREATE_SMOKE_TEST
                } else {
                    commands::CREATE_ROLLBACK
                };
                of_command(&fix.title, CodeActionKind::QUICKFIX, command, vec![self.uri()])
            };
            action.diagnostics = self.diagnostics(found);
            action.is_preferred = (fix.kind == FixKind::Safe).then_some(true);
            actions.push(action);
        }
    }

    fn others(&self, found: &Diagnostic, actions: &mut Vec<CodeAction>) {
        let mut add = |mut action: CodeAction| {
            action.diagnostics = self.diagnostics(found);
            actions.push(action);
        };
        let rule = found.rule;
        if rule == "migration-name-invalid" {
            self.rename().into_iter().for_each(&mut add);
        }
        let file = self.question.snapshot.find(self.question.path);
        let document = file.and_then(|(view, member)| view.documents.get(member.migration?));
        if let Some(document) = document.filter(|_| allow::can_allow(rule)) {
            // What is said about a file as a whole has no line of its own.
            let is_about_file =
                found.span.start == 0 && rule_named(rule).is_some_and(|rule| !matches!(rule.check, Check::Step(_)));
            if !is_about_file {
                let edit = allow::on_line(self.text, &document.file, found.span, rule);
                let title = format!("Allow `{rule}` here, with a reason");
                add(of_edit(&title, CodeActionKind::QUICKFIX, self.edit(&[edit])));
            }
            let edit = allow::in_file(self.text, rule);
            let title = format!("Allow `{rule}` in this file, with a reason");
            add(of_edit(&title, CodeActionKind::QUICKFIX, self.edit(&[edit])));
        }
        let title = format!("Open the documentation of `{rule}`");
        let arguments = vec![json!(rule)];
        add(of_command(
            &title,
            CodeActionKind::QUICKFIX,
            commands::OPEN_DOCUMENTATION,
            arguments,
        ));
    }

    fn fix_all(&self, found: &[Diagnostic]) -> Option<CodeAction> {
        let edits = together(found, Willing::Safe).edits();
        let title = "Apply all safe fixes of dblsp";
        (!edits.is_empty()).then(|| of_edit(title, FIX_ALL, self.edit(&edits)))
    }

    /// Files to be written: what the migration lacks, and the next one.
    fn files(&self, actions: &mut Vec<CodeAction>) {
        actions.extend(self.prove());
        let file = self.question.snapshot.find(self.question.path);
        let migration = file.and_then(|(view, member)| view.history.migrations.get(member.migration?));
        let Some(migration) = migration else { return };
        let mut add = |title, command| {
            let arguments = vec![self.uri()];
            actions.push(of_command(title, CodeActionKind::SOURCE, command, arguments));
        };
        if !migration.has_rollback && migration.rollback_path.is_some() {
            add("Create the rollback file", commands::CREATE_ROLLBACK);
        }
        if !migration.has_smoke_test && migration.smoke_test_path.is_some() {
            add("Create the smoke test", commands::CREATE_SMOKE_TEST);
        }
        let title = "Create the next migration";
        let arguments = vec![json!({ "uri": self.uri() })];
        actions.push(of_command(
            title,
            CodeActionKind::SOURCE,
            commands::NEW_MIGRATION,
            arguments,
        ));
    }

    /// Of a migration or its script. Nothing is run before the workspace is trusted.
    fn prove(&self) -> Option<CodeAction> {
        if !self.question.shared.session().options.trusted {
            return None;
        }
        let (view, number) = prove::migration(self.question.snapshot, self.question.path)?;
        let migration = &view.history.migrations[number];
        migration.rollback_path.as_ref()?;
        let title = if migration.has_rollback {
            "Prove the rollback"
        } else {
            "Write the rollback and prove it"
        };
        Some(of_command(
            title,
            CodeActionKind::SOURCE,
            commands::PROVE,
            vec![self.uri()],
        ))
    }

    fn rename(&self) -> Option<CodeAction> {
        if !self.question.shared.session().renames {
            return None;
        }
        let disk = self.question.shared.disk(&self.question.snapshot.disk.base);
        let renames = project::rename::plan(&disk, self.question.path, &project::name::timestamp_now());
        let name = renames.first()?.to.file_name()?.to_string_lossy().into_owned();
        let rename = |rename: &Rename| {
            Some(DocumentChangeOperation::Op(ResourceOp::Rename(RenameFile {
                old_uri: self.question.snapshot.uri(&rename.from)?,
                new_uri: self.question.snapshot.uri(&rename.to)?,
                options: None,
                annotation_id: None,
            })))
        };
        let operations: Option<Vec<_>> = renames.iter().map(rename).collect();
        let edit = WorkspaceEdit {
            document_changes: Some(DocumentChanges::Operations(operations?)),
            ..WorkspaceEdit::default()
        };
        let title = format!("Rename the file to `{name}`");
        Some(of_edit(&title, CodeActionKind::QUICKFIX, edit))
    }

    /// Edits of the file that is asked about.
    fn edit(&self, edits: &[Edit]) -> WorkspaceEdit {
        let edits = edits.iter().map(|edit| (edit.span, edit.text.clone())).collect();
        let snapshot = self.question.snapshot;
        let mut writer = to_proto::Edits::new(snapshot, self.question.shared.session());
        writer.add(self.question.path, edits);
        writer.finish()
    }
}

fn of_edit(title: &str, kind: CodeActionKind, edit: WorkspaceEdit) -> CodeAction {
    CodeAction {
        title: title.to_owned(),
        kind: Some(kind),
        edit: Some(edit),
        ..CodeAction::default()
    }
}

fn of_command(title: &str, kind: CodeActionKind, command: &str, arguments: Vec<Value>) -> CodeAction {
    CodeAction {
        title: title.to_owned(),
        kind: Some(kind),
        command: Some(Command::new(title.to_owned(), command.to_owned(), Some(arguments))),
        ..CodeAction::default()
    }
}
