/** What the journal says was sent, against the bodies that reached a server. */
import { z } from 'zod';
import { digestOf, rebuildPrompts } from '../../src/agent/prompt-journal.js';
import { runReActLoop } from '../../src/agent/react-loop.js';
import { createAnthropicModel } from '../../src/models/anthropic.js';
import { createOllamaModel } from '../../src/models/ollama.js';
import { createOpenaiModel } from '../../src/models/openai.js';
import type { ToolCalls } from '../../src/models/capabilities.js';
import type { ChatModel, ReplyForm, SentMessage } from '../../src/ports/model.js';
import { check, limits, loopTask, recordedEffects } from '../agent/fakes.js';
import { startFakeAnthropic } from '../support/fake-anthropic.js';
import { piece, startFakeCompatible } from '../support/fake-compatible.js';
import type { FakeCall, FakeReply, FakeServer } from '../support/fake-model-server.js';
import { startFakeOllama } from '../support/fake-ollama.js';
import { catalog, clock, hostedEntry } from './fixtures.js';

/** What the model does in each turn; null: it says nothing that can be used, and is asked again. */
const TURNS: readonly (FakeCall | null)[] = [
  { name: 'execute_terminal_command', arguments: { command: 'echo "ü" > out.txt\n' } },
  null,
  { name: 'workspace_read', arguments: { path: 'out.txt' } },
  { name: 'finish', arguments: { summary: 'too early', outputs: [{ name: 'where', value: 'out.txt' }] } },
  { name: 'execute_terminal_command', arguments: { command: 'echo more >> out.txt' } },
  { name: 'finish', arguments: { summary: 'done', outputs: [] } },
];
const THOUGHT = 'because';
/** The same as they are journaled. */
const STEPS = TURNS.flatMap((turn) =>
  turn === null ? [] : [{ name: turn.name, arguments: { ...turn.arguments, ...namedOutputs(turn.arguments) } }],
);

/** Outputs of finish, which a model gives as a list. */
function namedOutputs(args: Readonly<Record<string, unknown>>): {
  readonly outputs?: Readonly<Record<string, string>>;
} {
  const listed = z.array(z.object({ name: z.string(), value: z.string() })).safeParse(args['outputs']);
  return listed.success ? { outputs: Object.fromEntries(listed.data.map(({ name, value }) => [name, value])) } : {};
}

/** A reply in the form that was asked for. */
function replyAt(index: number, isNative: boolean): Exclude<FakeReply, string> & { kind: 'text' } {
  const turn = TURNS[index];
  if (!turn) return { kind: 'text', text: 'I would rather talk about it.' };
  if (isNative) return { kind: 'text', text: THOUGHT, calls: [turn] };
  const { name: tool, arguments: args } = turn;
  return { kind: 'text', text: JSON.stringify({ thought: THOUGHT, action: actionOf(tool, args) }) };
}

const actionOf = (tool: string, args: unknown) => (tool === 'finish' ? { finish: args } : { tool, arguments: args });

/** A call in an API's own form as the text that the journal has for it. */
function callText(thought: string, tool: string, args: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ thought, action: actionOf(tool, { ...args, ...namedOutputs(args) }) });
}

const asObject = z.record(z.string(), z.unknown());
const called = z.object({ function: z.object({ name: z.string(), arguments: z.union([z.string(), asObject]) }) });
/** A message of OpenAI's and of Ollama's API. */
const message = z.object({
  role: z.enum(['system', 'user', 'assistant', 'tool']),
  content: z.string(),
  tool_calls: z.tuple([called]).optional(),
});

function textOf(sent: unknown): SentMessage {
  const { role, content, tool_calls: calls } = message.parse(sent);
  if (calls === undefined) return { role: role === 'tool' ? 'user' : role, content };
  const { name, arguments: args } = calls[0].function;
  const given = typeof args === 'string' ? asObject.parse(JSON.parse(args)) : args;
  return { role: 'assistant', content: callText(content, name, given) };
}

interface Api {
  /** Starts a server that refuses what it lacks, and gives the adapter and the texts of each accepted body. */
  open(form: ReplyForm): Promise<{
    readonly server: FakeServer;
    readonly model: ChatModel;
    readonly sent: (readonly SentMessage[])[];
  }>;
  readonly forms: readonly ReplyForm[];
}

const toolCallsOf = (form: ReplyForm): ToolCalls => (form === 'native' ? 'native' : 'json');
const REFUSED = { kind: 'error', status: 400 } as const;

const ollama: Api = {
  forms: ['native', 'json_schema', 'json_object', 'plain'],
  async open(form) {
    const sent: (readonly SentMessage[])[] = [];
    const lacks = (format: unknown) =>
      (form === 'plain' && format !== undefined) || (form === 'json_object' && typeof format === 'object');
    const server = await startFakeOllama({
      reply({ format, tools, messages = [] }) {
        if (lacks(format)) return { ...REFUSED, message: 'format is not supported' };
        sent.push(messages.map(textOf));
        return replyAt(sent.length - 1, tools !== undefined);
      },
    });
    const entry = { ...catalog.ollama('qwen3:8b'), toolCalls: toolCallsOf(form) };
    return { server, model: createOllamaModel({ url: server.url, entry, clock }), sent };
  },
};

const anthropic: Api = {
  forms: ['native', 'json_schema', 'plain'],
  async open(form) {
    const sent: (readonly SentMessage[])[] = [];
    const server = await startFakeAnthropic({
      takesPlain: form === 'plain',
      reply({ system = '', messages, output_config: output, tools }) {
        if (form === 'plain' && output?.format !== undefined)
          return { ...REFUSED, message: 'output_config.format: Extra inputs are not permitted' };
        sent.push([
          { role: 'system', content: system },
          ...messages.map(({ role, content }): SentMessage => {
            if (typeof content === 'string') return { role, content };
            const texts = content.flatMap((block) => (block.type === 'text' ? [block.text] : []));
            const [block] = content.filter(({ type }) => type !== 'text');
            if (block?.type === 'tool_result') return { role, content: block.content };
            if (block?.type === 'tool_use') return { role, content: callText(texts.join(''), block.name, block.input) };
            throw new Error('a message of blocks has a call or a result');
          }),
        ]);
        return replyAt(sent.length - 1, tools !== undefined);
      },
    });
    const entry = { ...hostedEntry('anthropic', catalog.defaults.worker.anthropic), toolCalls: toolCallsOf(form) };
    return { server, model: createAnthropicModel({ entry, apiKey: 'test-key', baseUrl: server.url, clock }), sent };
  },
};

const openai: Api = {
  forms: ['native', 'json_schema', 'json_object', 'plain'],
  async open(form) {
    const sent: (readonly SentMessage[])[] = [];
    const server = await startFakeCompatible((body) => {
      const format = z.object({ type: z.string() }).optional().parse(body['response_format'])?.type;
      if ((form === 'plain' && format !== undefined) || (form === 'json_object' && format === 'json_schema'))
        return { status: 400, error: { error: { message: 'response_format is not supported', code: 400 } } };
      sent.push(z.array(z.unknown()).parse(body['messages']).map(textOf));
      const { text, calls } = replyAt(sent.length - 1, body['tools'] !== undefined);
      const toolCalls = (calls ?? []).map(({ name, arguments: args }, index) => ({
        index,
        id: `call_${index}`,
        type: 'function',
        function: { name, arguments: JSON.stringify(args) },
      }));
      const delta = { content: text, ...(toolCalls.length === 0 ? {} : { tool_calls: toolCalls }) };
      return { events: [piece(delta, toolCalls.length === 0 ? 'stop' : 'tool_calls')] };
    });
    const entry = { ...hostedEntry('openai', catalog.defaults.worker.openai), toolCalls: toolCallsOf(form) };
    return { server, model: createOpenaiModel({ entry, apiKey: 'k', baseUrl: server.baseUrl, clock }), sent };
  },
};

describe.each(Object.entries({ ollama, anthropic, openai }))('%s', (_, api) => {
  test.each(api.forms)(
    'asked for %s: each step has the digest of the messages that the server was sent, and they are rebuilt from it',
    async (form) => {
      const { server, model, sent } = await api.open(form);
      try {
        const effects = recordedEffects([model], ({ tool }, step) =>
          tool === 'finish' && step === 3 ? { outcome: 'error', observation: 'not yet', checks: [check(1)] } : {},
        );
        const task = loopTask();
        const end = await runReActLoop(task, { ...effects, remainingMs: () => 60_000 }, limits());
        expect(end).toEqual(expect.objectContaining({ kind: 'finished' }));
        // The journal of a step does not depend on the form.
        expect(effects.journal.map(({ call }) => ({ ...call, turn: null }))).toMatchObject(
          STEPS.map(({ name, arguments: args }) => ({ tool: name, arguments: JSON.stringify(args), thought: THOUGHT })),
        );
        const used = sent.filter((__, index) => TURNS[index] !== null);
        const turns = effects.journal.map(({ call }) =>
          z.object({ form: z.string(), digest: z.string(), length: z.int() }).parse(JSON.parse(call.turn ?? '')),
        );
        expect(turns).toEqual(used.map((messages) => ({ form, ...digestOf(messages) })));
        const rebuilt = [...rebuildPrompts(task.assignment, effects.journal).values()];
        expect(rebuilt.map(({ state, messages }) => ({ state, messages }))).toEqual(
          used.map((messages) => ({ state: 'exact', messages })),
        );
      } finally {
        await server.close();
      }
    },
  );
});
