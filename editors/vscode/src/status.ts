import * as vscode from "vscode";
import type { Server, State } from "./server.js";

/** Whether the server runs, in the status bar. A click offers what can be done. */
export class StatusBar implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem("dblsp.status", vscode.StatusBarAlignment.Left);
  private readonly subscription: vscode.Disposable;

  constructor(server: Server) {
    this.item.name = "dblsp";
    this.item.command = "dblsp.showMenu";
    this.subscription = server.onDidChangeState((state) => this.show(state));
    this.show(server.state);
    this.item.show();
  }

  dispose(): void {
    this.subscription.dispose();
    this.item.dispose();
  }

  private show(state: State): void {
    this.item.backgroundColor = undefined;
    switch (state.kind) {
      case "starting":
        this.item.text = "$(loading~spin) dblsp";
        this.item.tooltip = "dblsp is starting";
        break;
      case "running":
        this.item.text = state.jobs > 0 ? "$(sync~spin) dblsp" : "$(database) dblsp";
        this.item.tooltip = `dblsp ${state.version} is ${state.jobs > 0 ? "working" : "running"}\n${state.program}`;
        break;
      case "stopped":
        this.item.text = "$(error) dblsp";
        this.item.tooltip = `dblsp is not running: ${state.reason}`;
        this.item.backgroundColor = new vscode.ThemeColor("statusBarItem.errorBackground");
    }
  }
}

interface Choice extends vscode.QuickPickItem {
  command: string;
}

export async function showMenu(state: State): Promise<void> {
  const choices: Choice[] = [
    { label: "$(add) New Migration", command: "dblsp.newMigration" },
    { label: "$(refresh) Check Migrations", command: "dblsp.check" },
    { label: "$(list-tree) Show Migrations", command: "dblsp.migrations.focus" },
    { label: "$(output) Show Log", command: "dblsp.showLog" },
    { label: "$(debug-restart) Restart Server", command: "dblsp.restartServer" },
  ];
  if (state.kind === "running" && state.jobs > 0) {
    choices.unshift({ label: "$(stop-circle) Cancel", command: "dblsp.cancel" });
  }
  const title = state.kind === "running" ? `dblsp ${state.version}` : "dblsp is not running";
  const choice = await vscode.window.showQuickPick(choices, { title });
  if (choice) {
    await vscode.commands.executeCommand(choice.command);
  }
}
