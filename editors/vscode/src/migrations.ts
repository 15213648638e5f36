import * as vscode from "vscode";
import type { Server } from "./server.js";

interface Project {
  name: string;
  root: string;
  migrations: Migration[];
}

export interface Migration {
  uri: string;
  version: string;
  name: string;
  /** Null where the project keeps none. */
  rollback: boolean | null;
  rollbackUri?: string | null;
  smokeTest: boolean | null;
  held: boolean;
  /** Environments that it is applied on, as far as the server has looked. */
  applied?: string[];
  findings: Record<"error" | "warning" | "info" | "hint", number>;
}

/** The tree "Migrations": the newest first, below their projects where there are several. */
export class MigrationsView implements vscode.Disposable, vscode.TreeDataProvider<Project | Migration> {
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly subscriptions: vscode.Disposable[];

  readonly onDidChangeTreeData = this.changed.event;

  constructor(private readonly server: Server) {
    this.subscriptions = [
      vscode.window.registerTreeDataProvider("dblsp.migrations", this),
      server.onDidChangeMigrations(() => this.changed.fire()),
    ];
  }

  async getChildren(parent?: Project | Migration): Promise<(Project | Migration)[]> {
    if (parent) {
      return "migrations" in parent ? parent.migrations.toReversed() : [];
    }
    if (this.server.state.kind !== "running") {
      return [];
    }
    const projects = (await this.server.request<Project[]>("dblsp/migrations", {})) ?? [];
    const [only, ...others] = projects;
    return only && others.length === 0 ? only.migrations.toReversed() : projects;
  }

  getTreeItem(element: Project | Migration): vscode.TreeItem {
    if ("migrations" in element) {
      const item = new vscode.TreeItem(element.name, vscode.TreeItemCollapsibleState.Expanded);
      item.iconPath = vscode.ThemeIcon.Folder;
      item.tooltip = vscode.Uri.parse(element.root).fsPath;
      return item;
    }
    const uri = vscode.Uri.parse(element.uri);
    const item = new vscode.TreeItem(element.name);
    item.id = element.uri;
    item.resourceUri = uri;
    item.description = [...applied(element), ...missing(element)].join(" · ");
    item.tooltip = [element.version, ...applied(element), ...missing(element), ...findings(element)].join("\n");
    item.iconPath = icon(element);
    item.contextValue = context(element);
    item.command = { title: "Open", command: "vscode.open", arguments: [uri] };
    return item;
  }

  dispose(): void {
    vscode.Disposable.from(...this.subscriptions, this.changed).dispose();
  }
}

function missing(migration: Migration): string[] {
  const words: string[] = [];
  if (migration.held) {
    words.push("on hold");
  }
  if (migration.rollback === false) {
    words.push("no rollback");
  }
  if (migration.smokeTest === false) {
    words.push("no smoke test");
  }
  return words;
}

function applied(migration: Migration): string[] {
  const environments = migration.applied ?? [];
  return environments.length > 0 ? [`applied on ${environments.join(", ")}`] : [];
}

function findings(migration: Migration): string[] {
  const levels = ["error", "warning", "info", "hint"] as const;
  return levels
    .map((level) => ({ level, count: migration.findings[level] }))
    .filter(({ count }) => count > 0)
    .map(({ level, count }) => `${count} ${level}${count === 1 ? "" : "s"}`);
}

function icon(migration: Migration): vscode.ThemeIcon {
  if (migration.findings.error > 0) {
    return new vscode.ThemeIcon("error", new vscode.ThemeColor("list.errorForeground"));
  }
  if (migration.findings.warning > 0) {
    return new vscode.ThemeIcon("warning", new vscode.ThemeColor("list.warningForeground"));
  }
  return new vscode.ThemeIcon(migration.held ? "debug-pause" : "check");
}

/** What the menus in package.json tell migrations apart by. */
function context(migration: Migration): string {
  const words = ["migration"];
  if (migration.rollback !== null) {
    words.push(migration.rollback ? "hasRollback" : "noRollback");
  }
  if (migration.smokeTest === false) {
    words.push("noSmokeTest");
  }
  if (migration.applied && migration.applied.length > 0) {
    words.push("applied");
  }
  return words.join(" ");
}
