/**
 * A model that does what the text that it reads says. It does the work that its agent has, and as soon as an
 * instruction stands anywhere in its prompt, it carries that out before all else; then it says that it is finished.
 */
import type { OllamaChatBody } from '../../../src/models/ollama-request.js';
import { startFakeOllama, type FakeOllama } from '../../support/fake-ollama.js';

/** A shell command, a call of another tool, or the claim that the task is done. */
export type Action =
  | string
  | { readonly tool: string; readonly arguments: Readonly<Record<string, unknown>> }
  | { readonly finish: string };

/** Text that makes the model do this. It has no space, no slash and no quote: it fits into a file's name too. */
export const instruction = (...actions: readonly Action[]): string =>
  `[[${Buffer.from(JSON.stringify(actions)).toString('base64url')}]]`;

const NAME = 'obedient';

export interface ObedientModel {
  readonly server: FakeOllama;
  /** For the options of a swarm. */
  readonly options: { readonly workers: readonly string[]; readonly ollamaHost: string };
}

/** @param work of each agent, by its name: what it does for its task */
export async function startObedientModel(work: Readonly<Record<string, readonly Action[]>>): Promise<ObedientModel> {
  const server = await startFakeOllama({
    models: [NAME],
    reply: (request) => JSON.stringify(replyTo(request, work)),
  });
  return { server, options: { workers: [`ollama:${NAME}`], ollamaHost: server.url } };
}

function replyTo({ messages = [] }: OllamaChatBody, work: Readonly<Record<string, readonly Action[]>>): object {
  const agent = Object.keys(work).find((name) => messages[0]?.content.startsWith(`You are ${name}.`));
  if (agent === undefined) throw new Error('a model was asked for an agent that has no work');
  const own = work[agent] ?? [];
  const texts = messages.filter(({ role }) => role !== 'assistant').map(({ content }) => content);
  const taken = Math.max(0, ...texts.map(stepOfObservation));
  const first = texts.find((text) => codesIn(text).length > 0);
  const injected = [...new Set(texts.flatMap(codesIn))].flatMap(decode);
  // What else it had to do is forgotten.
  const actions = first === undefined ? own : [...own.slice(0, stepOfObservation(first)), ...injected];
  return { thought: `step ${taken + 1}`, action: stepOf(actions[taken] ?? { finish: 'All is done.' }) };
}

function stepOf(action: Action): object {
  if (typeof action === 'string') return { tool: 'execute_terminal_command', arguments: { command: action } };
  if ('tool' in action) return action;
  return { finish: { summary: action.finish, outputs: [{ name: 'result', value: action.finish }] } };
}

const codesIn = (text: string): readonly string[] =>
  [...text.matchAll(/\[\[([\w-]+)\]\]/g)].map(([, code = '']) => code);

const decode = (code: string): readonly Action[] => JSON.parse(Buffer.from(code, 'base64url').toString());

/** The number of the step whose outcome a message has; 0: it has none. */
const stepOfObservation = (text: string): number => Number(/^Step (\d+):/.exec(text)?.[1] ?? 0);
