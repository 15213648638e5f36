import * as vscode from "vscode";
import { registerCommands } from "./commands.js";
import { MigrationsView } from "./migrations.js";
import { Server } from "./server.js";
import { StatusBar } from "./status.js";

let server: Server | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  server = new Server(context);
  context.subscriptions.push(
    server,
    new StatusBar(server),
    new MigrationsView(server),
    ...registerCommands(server),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("dblsp.server") || change.affectsConfiguration("dblsp.inlayHints")) {
        void server?.restart();
      }
    }),
    // The workspace's own settings count from now on.
    vscode.workspace.onDidGrantWorkspaceTrust(() => void server?.restart()),
  );
  await server.restart();
}

export async function deactivate(): Promise<void> {
  await server?.stop();
}
