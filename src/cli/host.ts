import type { Redact } from '../domain/redaction.js';
import type { Clock, Ids } from '../ports/clock.js';

/** The process and the machine as the commands see them; only main.ts makes the real one. */
export interface Host {
  /** What was typed after the program's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute. */
  readonly cwd: string;
  /** Where the program's own files lie: package.json, schemas/, topics.yaml, toolbox/; absolute. */
  readonly packageDir: string;
  /** Where agents/, missions/, workspaces and the local stack's data lie: the clone, or the person's own project. */
  readonly projectDir: string;
  /** Of package.json. */
  readonly version: string;
  readonly user: string;
  readonly hostname: string;
  readonly pid: number;
  readonly isRoot: boolean;
  /** The node that runs this process. */
  readonly nodePath: string;
  readonly stdout: Output;
  readonly stderr: Output;
  /**
   * Asks the person at the terminal and resolves with the line that was typed, with an empty one when the signal
   * aborts; null without a terminal.
   */
  readonly ask: ((question: string, signal?: AbortSignal) => Promise<string>) | null;
  /** The lines of standard input, without their ends. */
  lines(): AsyncIterable<string>;
  /** Aborted by SIGTERM and the first Ctrl-C: whatever runs drains and ends. */
  readonly interruption: AbortSignal;
  readonly clock: Clock;
  readonly ids: Ids;
  /** At least 0, below 1. */
  random(): number;
}

/** A stream that text is written to: a terminal, a pipe or a file. */
export interface Output {
  write(text: string): void;
  /** Resolves when little of what was written still waits for its reader, or the reader has gone away. */
  drained(): Promise<void>;
  readonly isTerminal: boolean;
  /** In characters; of no meaning unless isTerminal. */
  size(): TerminalSize;
  /** Calls back after the terminal's size changed; returns how to stop that. */
  onResize(listener: () => void): () => void;
  /** Aborted when the reader has gone away (piping to head): what is written then is dropped. */
  readonly closed: AbortSignal;
}

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** The terminal's columns; null: what is written goes elsewhere. */
export const columnsOf = ({ isTerminal, size }: Output): number | null => (isTerminal ? size().columns : null);

/** Who asks, as the events say it. */
export function requester(host: Host): string {
  return `${host.user}@${host.hostname}`;
}

/** The host whose output passes the function. */
export function withRedactedOutput<T extends Host>(host: T, redact: Redact): T {
  const redacted = (output: Output): Output => ({ ...output, write: (text) => output.write(redact(text)) });
  return { ...host, stdout: redacted(host.stdout), stderr: redacted(host.stderr) };
}
