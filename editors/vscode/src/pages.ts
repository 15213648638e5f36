import { readFile } from "node:fs/promises";
import * as path from "node:path";
import * as vscode from "vscode";
import type { ShowDocumentParams } from "vscode-languageclient/node";

/** The folder in which the server keeps pages, and what it keeps there. */
const PAGE = /[\\/]\.dblsp[\\/][^\\/]+\.(html|svg)$/;

/** Pages that the server made, each in a tab of its own that the next one of its name takes over. */
export class Pages implements vscode.Disposable {
  private readonly panels = new Map<string, vscode.WebviewPanel>();

  /** Whether it is one, and then shows it: VS Code itself would show its source, or ask the system for a browser. */
  async show(asked: ShowDocumentParams): Promise<boolean> {
    const uri = vscode.Uri.parse(asked.uri);
    if (uri.scheme !== "file" || !PAGE.test(uri.fsPath)) {
      return false;
    }
    const text = await readFile(uri.fsPath, "utf8");
    const panel = this.panels.get(uri.fsPath) ?? this.open(uri.fsPath);
    panel.webview.html = uri.fsPath.endsWith(".svg") ? around(text) : text;
    panel.reveal(undefined, true);
    return true;
  }

  dispose(): void {
    for (const panel of this.panels.values()) {
      panel.dispose();
    }
  }

  private open(file: string): vscode.WebviewPanel {
    const name = path.basename(file).replace(/\.(html|svg)$/, "");
    const beside = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
    const panel = vscode.window.createWebviewPanel("dblsp.page", name, beside, { enableFindWidget: true });
    this.panels.set(file, panel);
    panel.onDidDispose(() => this.panels.delete(file));
    return panel;
  }
}

/** A picture's page: nothing is loaded from anywhere, and nothing runs. */
function around(picture: string): string {
  const policy = "default-src 'none'; style-src 'unsafe-inline'";
  return `<!doctype html><html><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}"></head><body>${picture}</body></html>`;
}
