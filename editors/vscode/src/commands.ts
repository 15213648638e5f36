import * as vscode from "vscode";
import type { Migration } from "./migrations.js";
import type { Server } from "./server.js";
import { showMenu } from "./status.js";

/** Commands of the server that are about one file. */
const ABOUT_FILE = ["createRollback", "createSmokeTest", "check", "graph"];

/** Commands that only code actions run, with the server's own arguments. */
const OF_ACTIONS = ["open", "openDocumentation"];

/** Commands of the server that run SQL of the workspace: only where it is trusted. */
const ON_DATABASE = [
  "snapshot",
  "apply",
  "applyAll",
  "test",
  "prove",
  "trace",
  "rollback",
  "restore",
  "status",
  "drift",
];

export function registerCommands(server: Server): vscode.Disposable[] {
  const register = vscode.commands.registerCommand;
  const rules = new Rules(server);
  return [
    ...ABOUT_FILE.map((name) => register(`dblsp.${name}`, (...args) => run(server, name, args))),
    ...OF_ACTIONS.map((name) => register(`dblsp.${name}`, (...args) => server.execute(`dblsp.${name}`, args))),
    ...ON_DATABASE.map((name) =>
      register(`dblsp.${name}`, (...args) => (vscode.workspace.isTrusted ? run(server, name, args) : askForTrust())),
    ),
    register("dblsp.newMigration", (arg) => newMigration(server, arg)),
    register("dblsp.explain", (rule) => rules.explain(rule)),
    register("dblsp.cancel", () => server.execute("dblsp.cancel", [])),
    register("dblsp.openRollback", openRollback),
    register("dblsp.restartServer", () => server.restart()),
    register("dblsp.showLog", () => server.log.show()),
    register("dblsp.showMenu", () => showMenu(server.state)),
    vscode.workspace.registerTextDocumentContentProvider(Rules.scheme, rules),
  ];
}

/** From a code lens or code action come the server's own arguments; else it is the tree's or the editor's file. */
async function run(server: Server, name: string, args: unknown[]): Promise<void> {
  const [first] = args;
  const editor = vscode.window.activeTextEditor?.document.uri.toString();
  let sent = args;
  if (isMigration(first)) {
    sent = [first.uri];
  } else if (first === undefined) {
    sent = editor ? [editor] : [];
  }
  const answer = await server.execute(`dblsp.${name}`, sent);
  if (typeof answer === "string") {
    void vscode.window.showInformationMessage(answer);
  }
}

async function askForTrust(): Promise<void> {
  const manage = "Manage Trust";
  const choice = await vscode.window.showWarningMessage(
    "dblsp works on databases only from trusted workspaces: this one says which database, and what is run on it.",
    manage,
  );
  if (choice === manage) {
    await vscode.commands.executeCommand("workbench.trust.manage");
  }
}

async function newMigration(server: Server, arg: unknown): Promise<void> {
  if (hasName(arg) && !isMigration(arg)) {
    await server.execute("dblsp.newMigration", [arg]);
    return;
  }
  const name = await vscode.window.showInputBox({
    title: "New Migration",
    prompt: "What does it do, in a few words?",
    placeHolder: "add projects",
  });
  if (name) {
    const uri = vscode.window.activeTextEditor?.document.uri ?? vscode.workspace.workspaceFolders?.[0]?.uri;
    await server.execute("dblsp.newMigration", [{ uri: uri?.toString(), name }]);
  }
}

async function openRollback(migration: Migration): Promise<void> {
  if (migration.rollbackUri) {
    await vscode.commands.executeCommand("vscode.open", vscode.Uri.parse(migration.rollbackUri));
  }
}

function hasName(value: unknown): value is { name: string } {
  return typeof value === "object" && value !== null && "name" in value;
}

function isMigration(value: unknown): value is Migration {
  return hasName(value) && "findings" in value;
}

/** Pages about rules, as previews of Markdown. */
class Rules implements vscode.TextDocumentContentProvider {
  static readonly scheme = "dblsp-rule";

  constructor(private readonly server: Server) {}

  async explain(rule: unknown): Promise<void> {
    const name = typeof rule === "string" ? rule : (ruleAtCursor() ?? (await pickRule()));
    if (name) {
      const page = vscode.Uri.from({ scheme: Rules.scheme, path: `${name}.md` });
      await vscode.commands.executeCommand("markdown.showPreview", page);
    }
  }

  async provideTextDocumentContent(page: vscode.Uri): Promise<string> {
    const rule = page.path.replace(/\.md$/, "");
    return (await this.server.execute<string>("dblsp.explain", [rule])) ?? "";
  }
}

function ruleAtCursor(): string | undefined {
  const editor = vscode.window.activeTextEditor;
  if (!editor) {
    return undefined;
  }
  const cursor = editor.selection.active;
  return vscode.languages
    .getDiagnostics(editor.document.uri)
    .filter((diagnostic) => diagnostic.range.contains(cursor))
    .map(ruleOf)
    .find((rule) => rule !== undefined);
}

async function pickRule(): Promise<string | undefined> {
  const broken = vscode.languages.getDiagnostics().flatMap(([, diagnostics]) => diagnostics.map(ruleOf));
  const rules = [...new Set(broken.filter((rule) => rule !== undefined))].sort();
  return rules.length > 0
    ? vscode.window.showQuickPick(rules, { title: "Explain Rule" })
    : vscode.window.showInputBox({ title: "Explain Rule", placeHolder: "drop-column" });
}

function ruleOf(diagnostic: vscode.Diagnostic): string | undefined {
  if (diagnostic.source !== "dblsp") {
    return undefined;
  }
  const code = typeof diagnostic.code === "object" ? diagnostic.code.value : diagnostic.code;
  return code?.toString();
}
