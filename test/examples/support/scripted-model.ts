import type { OllamaChatBody } from '../../../src/models/ollama-request.js';
import { startFakeOllama, type FakeOllama } from '../../support/fake-ollama.js';

/** One decision of a model. */
export type Move =
  | { readonly tool: string; readonly arguments: Readonly<Record<string, unknown>> }
  | { readonly finish: { readonly summary: string; readonly outputs: readonly [] } };

/** What a model does as each agent, in order; it repeats the last move. */
export type Script = Readonly<Record<string, readonly Move[]>>;

export const run = (command: string): Move => ({ tool: 'execute_terminal_command', arguments: { command } });
export const read = (path: string): Move => ({ tool: 'workspace_read', arguments: { path } });
export const list = (path: string): Move => ({ tool: 'workspace_list', arguments: { path } });
export const write = (path: string, content: string): Move => ({
  tool: 'workspace_write',
  arguments: { path, content },
});
export const finish = (summary: string): Move => ({ finish: { summary, outputs: [] } });

/** A server with Ollama's API on loopback whose one model follows the script. */
export const startScriptedModel = (script: Script): Promise<FakeOllama> =>
  startFakeOllama({ reply: (request) => JSON.stringify({ thought: 'The next step.', action: move(script, request) }) });

function move(script: Script, { messages = [] }: OllamaChatBody): Move {
  const task = messages[1]?.content ?? '';
  const agent = /# Your task \(deploy-(\w+)-wave\d+\)/.exec(task)?.[1];
  const moves = agent === undefined ? undefined : script[agent];
  const leftOut = Number(/Steps 1 to (\d+) are left out/.exec(task)?.[1] ?? 0);
  const taken = leftOut + messages.filter(({ role }) => role === 'assistant').length;
  const next = moves?.[taken] ?? moves?.at(-1);
  if (next === undefined) throw new Error(`the script has no agent for: ${task.slice(0, 200)}`);
  return next;
}
