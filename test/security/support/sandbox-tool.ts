/** `ravenhelm sandbox tool`, as a user calls it: many calls on one workspace by one process. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import { z } from 'zod';
import { programAs } from '../../support/program-as.js';
import { temporaryDirectory } from '../../tools/harness.js';

const resultSchema = z.object({
  outcome: z.string(),
  stdout: z.string(),
  stderr: z.string(),
  limit: z.string().nullable(),
});
export type ToolResult = z.output<typeof resultSchema>;

export interface ToolCall {
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

export interface CallsWith {
  readonly env?: NodeJS.ProcessEnv;
  /** A program that is not there; only root can hide one. */
  readonly hidden?: string;
}

export interface ToolUser {
  /** The directory of the other two. */
  readonly home: string;
  readonly workspace: string;
  /** Beside the workspace; the commands cannot see it. */
  readonly outside: string;
  /** Resolves with the result of each call. */
  call(calls: readonly ToolCall[], options?: CallsWith): Promise<readonly ToolResult[]>;
}

/** @param user null: the one that runs the tests; another can only be taken by root */
export function toolUser(user: number | null): ToolUser {
  const home = temporaryDirectory();
  const [outside, workspace, clone, root] = ['outside', 'workspace', 'clone', 'root'].map((name) => join(home, name));
  if (outside === undefined || workspace === undefined || clone === undefined || root === undefined) throw new Error();
  for (const directory of [outside, workspace, clone, root]) mkdirSync(directory);
  // Each call reaches the layer that is tested: no rule stops it before.
  writeFileSync(join(home, 'policy.yaml'), 'default: allow\n');
  if (user !== null) {
    chmodSync(home, 0o755);
    for (const directory of [outside, workspace, root]) chownSync(directory, user, user);
  }
  return {
    home,
    workspace,
    outside,
    async call(calls, { env = {}, hidden } = {}) {
      const args = ['sandbox', 'tool', '--json', '--workspace', workspace, '-'];
      const [file, ...rest] = programAs(user, clone, args, hidden);
      const { PATH = '' } = process.env;
      const child = spawn(file, rest, {
        cwd: home,
        env: { PATH, HOME: home, WORKSPACE_ROOT: root, ...env },
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      // A program that refuses to start does not read it; its exit code says so.
      child.stdin.on('error', () => undefined).end(calls.map((call) => `${JSON.stringify(call)}\n`).join(''));
      const [stdout, stderr] = await Promise.all([readAll(child.stdout), readAll(child.stderr), once(child, 'close')]);
      expect({ code: child.exitCode, stderr }).toEqual({ code: 0, stderr: '' });
      return stdout
        .trim()
        .split('\n')
        .map((line) => resultSchema.parse(JSON.parse(line)));
    },
  };
}
