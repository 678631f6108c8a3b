import { resolve } from 'node:path';
import { z } from 'zod';
import { chooseInstead } from '../../domain/did-you-mean.js';
import {
  openSandboxCalls,
  type SandboxCall,
  type SandboxCallResult,
  type SandboxCalls,
} from '../../swarm/sandbox-calls.js';
import { COMMAND_TOOL } from '../../ports/tools.js';
import { openPolicy } from '../../swarm/policy.js';
import { CliError, wrongUse } from '../cli-error.js';
import { connectionText } from '../connection-text.js';
import type { CommandContext } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { policyFile, toolSettings } from '../from-settings.js';
import { readRoster } from '../mission-source.js';
import { oneLine } from '../text-width.js';

interface Place {
  readonly agent: string | null;
  readonly workspace: string | null;
  readonly tainted: boolean;
}

export interface ExecOptions extends Place {
  /** One: a shell command. Several: a program and its arguments. */
  readonly words: readonly string[];
}

export interface ToolOptions extends Place {
  /** JSON of one call, or - for one call on each line of standard input. */
  readonly call: string;
}

/** Runs a command. Resolves with its exit code; with --json with 0 when its result was printed. */
export function execInSandbox(context: CommandContext, { words, ...place }: ExecOptions): Promise<number> {
  const [first = ''] = words;
  const command = words.length === 1 ? first : words.map(quotedForShell).join(' ');
  return withCalls(context, place, (calls) => make(context, calls, { tool: COMMAND_TOOL, arguments: { command } }));
}

/** Makes one call, or those of standard input one after the other, as steps of one task. */
export function callTools(context: CommandContext, { call, ...place }: ToolOptions): Promise<number> {
  if (call !== '-') {
    const parsed = readCall(call, 'the call');
    return withCalls(context, place, (calls) => make(context, calls, parsed));
  }
  return withCalls(context, place, async (calls) => {
    let line = 0;
    for await (const text of context.host.lines()) {
      line += 1;
      if (text.trim() === '') continue;
      const result = await calls.call(readCall(text, `line ${line}`), context.host.interruption);
      context.host.interruption.throwIfAborted();
      context.host.stdout.write(`${JSON.stringify(result)}\n`);
    }
    return EXIT.done;
  });
}

async function withCalls(
  context: CommandContext,
  { agent: name, workspace, tainted }: Place,
  body: (calls: SandboxCalls) => Promise<number>,
): Promise<number> {
  const { host, logger } = context;
  const roster = name === null ? null : await readRoster(context);
  const agent = name === null ? null : (roster?.byName(name) ?? null);
  if (name !== null && agent === null)
    throw wrongUse(`there is no agent ${name}`, chooseInstead(name, roster?.names ?? []));
  const { policy } = await openPolicy(policyFile(context), host.packageDir);
  const calls = await openSandboxCalls({
    ...(await toolSettings(context, agent === null ? [] : [agent])).tools,
    clock: host.clock,
    ids: host.ids,
    logger,
    redact: context.swarm.redact,
    agent,
    policy,
    tainted,
    workspace: workspace === null ? null : resolve(host.cwd, workspace),
  });
  try {
    return await body(calls);
  } finally {
    await calls.close();
  }
}

async function make(context: CommandContext, calls: SandboxCalls, call: SandboxCall): Promise<number> {
  const result = await calls.call(call, context.host.interruption);
  context.host.interruption.throwIfAborted();
  if (context.json) {
    context.print(result);
    return EXIT.done;
  }
  return printed(context, result);
}

/** For people: both outputs as they are. */
function printed({ host }: CommandContext, result: SandboxCallResult): number {
  if (result.exit_code === null && result.outcome !== 'ok')
    throw new CliError('not_run', EXIT.usage, `the call was not run to its end: ${result.stderr}`);
  host.stdout.write(result.stdout);
  host.stderr.write(result.stderr);
  if (result.limit !== null) host.stderr.write(`${limitText(result.limit, result)}\n`);
  for (const connection of result.connections.filter(({ outcome }) => outcome !== 'ended'))
    host.stderr.write(`network: ${oneLine(connectionText(connection))}\n`);
  return result.exit_code ?? EXIT.done;
}

function limitText(limit: string, { timed_out: timedOut, killed }: SandboxCallResult): string {
  const what = timedOut ? 'the time limit' : `the limit ${limit}`;
  return `${what} was reached${killed ? '; all of its processes were killed' : ''}`;
}

const callSchema = z.strictObject({ tool: z.string().min(1), arguments: z.record(z.string(), z.unknown()) });

/** Throws CliError for a text that is no call; the tool itself checks its arguments. */
function readCall(text: string, origin: string): SandboxCall {
  const fix = 'Give {"tool": "execute_terminal_command", "arguments": {"command": "id"}}.';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CliError('wrong_use', EXIT.usage, `${origin} is not JSON: ${String(error)}`, fix, { cause: error });
  }
  const parsed = callSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the whole'}: ${message}`);
  throw wrongUse(`${origin} is no tool call: ${problems.join('; ')}`, fix);
}

function quotedForShell(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
