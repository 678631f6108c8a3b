/** A scripted model: what it knows of a task, and what it says next. */

/** What a personality is asked. */
export interface Turn {
  /** Steps of this attempt that it has been shown the outcome of. */
  readonly done: number;
  /** Replies of this turn that could not be used. */
  readonly rejected: number;
  /** The last message that it was sent. */
  readonly last: string;
  readonly knows: Knowledge;
}

/** What a model of this kind would come up with for the task. */
export interface Knowledge {
  readonly solution: string;
  readonly wrong: string;
  readonly cheat: string;
}

export interface ToolCall {
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** Text, tool calls in Ollama's own form, or a reply that never ends. */
export type Said =
  | { readonly kind: 'text'; readonly text: string; readonly cut?: true }
  | { readonly kind: 'calls'; readonly text: string; readonly calls: readonly ToolCall[] }
  | { readonly kind: 'endless' };

export type Personality = (turn: Turn) => Said;

export const run = (command: string): ToolCall => ({ name: 'execute_terminal_command', arguments: { command } });

export const finish: ToolCall = { name: 'finish', arguments: { summary: 'It is done.', outputs: [] } };

/** A step in the form that the prompt asks for. */
export function step({ name, arguments: args }: ToolCall, thought = 'The next step.'): string {
  const action = name === 'finish' ? { finish: args } : { tool: name, arguments: args };
  return JSON.stringify({ thought, action });
}
