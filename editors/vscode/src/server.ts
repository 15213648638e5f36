import { existsSync } from "node:fs";
import { homedir } from "node:os";
import * as path from "node:path";
import * as vscode from "vscode";
import {
  type DynamicFeature,
  ExecuteCommandRequest,
  LanguageClient,
  type LanguageClientOptions,
  RevealOutputChannelOn,
  State as ClientState,
  type StaticFeature,
} from "vscode-languageclient/node";
import { Pages } from "./pages.js";

export type State =
  | { kind: "starting" }
  | { kind: "running"; version: string; program: string; jobs: number }
  | { kind: "stopped"; reason: string };

/** The language server: which program it is, whether it runs, and what it is asked. */
export class Server implements vscode.Disposable {
  readonly log = vscode.window.createOutputChannel("dblsp", { log: true });
  private readonly stateChanged = new vscode.EventEmitter<State>();
  private readonly migrationsChanged = new vscode.EventEmitter<void>();
  private readonly jobs = new Set<string | number>();
  private readonly pages = new Pages();
  private client: LanguageClient | undefined;
  private restarted: Promise<void> = Promise.resolve();
  private current: State = { kind: "stopped", reason: "not started yet" };

  readonly onDidChangeState = this.stateChanged.event;
  readonly onDidChangeMigrations = this.migrationsChanged.event;

  constructor(private readonly context: vscode.ExtensionContext) {}

  get state(): State {
    return this.current;
  }

  async start(): Promise<void> {
    const program = this.findProgram();
    if (!program) {
      return;
    }
    this.log.info(`Starting ${program}`);
    const client = new Client(program, this.options());
    this.client = client;
    client.onNotification("dblsp/migrationsChanged", () => this.migrationsChanged.fire());
    client.onRequest("dblsp/confirm", confirm);
    // Also when the server crashes, and the client starts it again.
    client.onDidChangeState(({ newState }) => this.follow(client, program, newState));
    // The client shows why it cannot start.
    await client.start().catch((error: unknown) => this.log.error(message(error)));
  }

  async stop(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    if (client?.isRunning()) {
      await client.stop();
    }
    await client?.dispose();
  }

  /** One after the other, however often it is asked for. */
  restart(): Promise<void> {
    this.restarted = this.restarted.then(async () => {
      await this.stop();
      await this.start();
    });
    return this.restarted;
  }

  /** What the server answers, or undefined after having shown why it does not. */
  async request<T>(method: string, params: unknown): Promise<T | undefined> {
    if (this.current.kind !== "running" || !this.client) {
      const reason = this.current.kind === "stopped" ? this.current.reason : "it is still starting";
      void vscode.window.showWarningMessage(`dblsp is not running: ${reason}`);
      return undefined;
    }
    try {
      return await this.client.sendRequest<T>(method, params);
    } catch (error) {
      void vscode.window.showErrorMessage(`dblsp: ${message(error)}`);
      return undefined;
    }
  }

  /** Runs a command of the server. */
  execute<T>(command: string, args: unknown[]): Promise<T | undefined> {
    return this.request<T>(ExecuteCommandRequest.method, { command, arguments: args });
  }

  dispose(): void {
    this.log.dispose();
    this.pages.dispose();
    this.stateChanged.dispose();
    this.migrationsChanged.dispose();
  }

  /**
   * The setting, else the program that came with the extension, else the one on the PATH; undefined after having shown
   * that it is not there. VS Code leaves the workspace's setting out where the workspace is not trusted.
   */
  private findProgram(): string | undefined {
    const name = process.platform === "win32" ? "dblsp.exe" : "dblsp";
    const chosen = vscode.workspace.getConfiguration("dblsp").get<string | null>("server.path");
    if (chosen) {
      const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? homedir();
      const program = path.resolve(folder, chosen.replace(/^~(?=[/\\]|$)/, homedir()));
      return existsSync(program) ? program : this.missing(`\`dblsp.server.path\` is ${program}, where nothing is`);
    }
    const folders = (process.env["PATH"] ?? "").split(path.delimiter).filter(path.isAbsolute);
    const programs = [this.context.asAbsolutePath("server"), ...folders].map((folder) => path.join(folder, name));
    return programs.find((program) => existsSync(program)) ?? this.missing("it is not installed");
  }

  private options(): LanguageClientOptions {
    return {
      // Other extensions give .sql files languages of their own, hence the pattern.
      documentSelector: [
        { scheme: "file", language: "sql" },
        { scheme: "file", language: "postgres" },
        { scheme: "file", pattern: "**/*.sql" },
        // What is written in the settings counts while it is typed.
        { scheme: "file", pattern: "**/dblsp.toml" },
      ],
      initializationOptions: {
        inlayHints: vscode.workspace.getConfiguration("dblsp").get<boolean>("inlayHints"),
        // Without trust nothing connects to a database; a change of trust starts the server anew.
        trusted: vscode.workspace.isTrusted,
        confirm: true,
      },
      outputChannel: this.log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      middleware: {
        window: {
          showDocument: async (params, token, next) => ((await this.pages.show(params)) ? { success: true } : next(params, token)),
        },
        handleWorkDoneProgress: (token, params, next) => {
          if (params.kind === "begin") {
            this.jobs.add(token);
          } else if (params.kind === "end") {
            this.jobs.delete(token);
          }
          if (this.current.kind === "running") {
            this.enter({ ...this.current, jobs: this.jobs.size });
          }
          next(token, params);
        },
      },
    };
  }

  private missing(reason: string): undefined {
    this.log.error(`Not started: ${reason}`);
    this.enter({ kind: "stopped", reason });
    const settings = "Open Settings";
    void vscode.window.showErrorMessage(`dblsp did not start: ${reason}`, settings).then((choice) => {
      if (choice === settings) {
        void vscode.commands.executeCommand("workbench.action.openSettings", "dblsp.server.path");
      }
    });
    return undefined;
  }

  private follow(client: LanguageClient, program: string, state: ClientState): void {
    // One that was replaced says its last.
    if (client !== this.client) {
      return;
    }
    this.jobs.clear();
    switch (state) {
      case ClientState.Starting:
        this.enter({ kind: "starting" });
        break;
      case ClientState.Running: {
        const version = client.initializeResult?.serverInfo?.version ?? "of unknown version";
        this.enter({ kind: "running", version, program, jobs: 0 });
        this.migrationsChanged.fire();
        break;
      }
      default:
        this.enter({ kind: "stopped", reason: "see its log" });
    }
  }

  private enter(state: State): void {
    this.current = state;
    void vscode.commands.executeCommand("setContext", "dblsp.isRunning", state.kind === "running");
    this.stateChanged.fire(state);
  }
}

/** A client that leaves the server's commands to the extension, which answers to them also while no server runs. */
class Client extends LanguageClient {
  constructor(program: string, options: LanguageClientOptions) {
    super("dblsp", "dblsp", { command: program, args: ["lsp"] }, options);
  }

  override registerFeature(feature: StaticFeature | DynamicFeature<unknown>): void {
    const runsCommands = "registrationType" in feature && feature.registrationType.method === ExecuteCommandRequest.method;
    if (!runsCommands) {
      super.registerFeature(feature);
    }
  }
}

/** What must be typed before something is destroyed; null where the user thinks better of it. */
async function confirm(asked: { message: string; expected: string }): Promise<string | null> {
  const typed = await vscode.window.showInputBox({
    title: "dblsp",
    prompt: `${asked.message} Type ${asked.expected} to go on.`,
    ignoreFocusOut: true,
    validateInput: (text) => (text === "" || asked.expected.startsWith(text) ? undefined : `Type ${asked.expected}`),
  });
  return typed ?? null;
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
