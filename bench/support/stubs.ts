/** A model and tools that take no time, so that what is left is the swarm's. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ChatModel, ChatRequest, TurnContext } from '../../src/ports/model.js';
import type { ToolDefinition, ToolExecutor, ToolOutcome } from '../../src/ports/tools.js';
import { closeOnce } from './closing.js';

export const NOTHING_TOOL = 'do_nothing';
/** What the tool says; a model behind HTTP counts its steps by it. */
const NOTHING_SAID = 'nothing was done';

const FINISH = JSON.stringify({ thought: 'It is done.', action: { finish: { summary: 'done', outputs: [] } } });
const callOf = (step: number): string =>
  JSON.stringify({ thought: 'Again.', action: { tool: NOTHING_TOOL, arguments: { number: step } } });
const replyAfter = (steps: number, wanted: number): string => (steps < wanted ? callOf(steps + 1) : FINISH);

export interface StubModelOptions {
  /** Calls of the tool before it finishes. */
  readonly steps: number;
  /** Milliseconds until it answers; 0: at once. */
  readonly delayMs: number;
  /** Until it says that it is done; default: delayMs. */
  readonly lastDelayMs?: number;
}

/** In this process. */
export function createStubModel(
  { steps, delayMs, lastDelayMs = delayMs }: StubModelOptions,
  onTurn: (turn: TurnContext) => void = () => undefined,
): ChatModel {
  return {
    name: 'stub:in-process',
    probe: async () => ({ usable: true }),
    worstCase: () => ({ tokens: 0, usd: 0 }),
    async chat({ turn }: ChatRequest) {
      if (turn === null) throw new TypeError('a stub plans nothing');
      onTurn(turn);
      const ownMs = turn.steps.length < steps ? delayMs : lastDelayMs;
      if (ownMs > 0) await new Promise((resolve) => setTimeout(resolve, ownMs));
      return {
        text: replyAfter(turn.steps.length, steps),
        tokensIn: 0,
        tokensOut: 0,
        costUsd: 0,
        promptTruncated: false,
      };
    },
  };
}

/** What a task says that wants one command: the file that it writes. */
export const writeTask = (file: string): string => `Write the file ${file} with one command.`;
const WRITE_TASK = /Write the file (\S+) with one command\./;

/** The first step of such a task; null: another task, or its step was made. */
function writeCallFor(body: string): string | null {
  const file = WRITE_TASK.exec(body)?.[1];
  if (file === undefined || body.includes('"role":"assistant"')) return null;
  const action = { tool: 'execute_terminal_command', arguments: { command: `echo done > ${file}` } };
  return JSON.stringify({ thought: 'One command.', action });
}

export interface StubOllama {
  readonly url: string;
  close(): Promise<void>;
}

export const STUB_OLLAMA_MODEL = 'stub';

/** A server that speaks Ollama's API: /api/version, /api/tags and /api/chat in NDJSON. */
export async function startStubOllama({ steps, delayMs }: StubModelOptions): Promise<StubOllama> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const json = (body: object) => response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
      if (request.url === '/api/version') return json({ version: '0.12.0' });
      if (request.url === '/api/tags') return json({ models: [{ name: `${STUB_OLLAMA_MODEL}:latest` }] });
      const text = Buffer.concat(chunks).toString();
      const content = writeCallFor(text) ?? replyAfter(text.split(NOTHING_SAID).length - 1, steps);
      const line = (done: boolean, rest: object) =>
        `${JSON.stringify({
          model: STUB_OLLAMA_MODEL,
          created_at: new Date().toISOString(),
          message: { role: 'assistant', content: done ? '' : content },
          done,
          ...rest,
        })}\n`;
      const answer = () =>
        response
          .setHeader('content-type', 'application/x-ndjson')
          .end(line(false, {}) + line(true, { done_reason: 'stop', prompt_eval_count: 1, eval_count: 1 }));
      if (delayMs > 0) setTimeout(answer, delayMs);
      else answer();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // listens on TCP
  return {
    url: `http://127.0.0.1:${port}`,
    close: closeOnce(
      () =>
        new Promise((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        }),
    ),
  };
}

const definition: ToolDefinition = {
  name: NOTHING_TOOL,
  description: 'Does nothing.',
  parameters: {
    type: 'object',
    properties: { number: { type: 'integer' } },
    required: ['number'],
    additionalProperties: false,
  },
  idempotent: () => false,
  validate: () => null,
};

/** @param delayMs how long a call takes; 0: no time at all */
export function createStubTools(delayMs: number): ToolExecutor {
  const outcome: ToolOutcome = {
    outcome: 'ok',
    exitCode: 0,
    observation: NOTHING_SAID,
    outputDigest: null,
    durationMs: delayMs,
  };
  return {
    definitions: () => [definition],
    takeFence: async () => undefined,
    recoverOutcome: async () => null,
    async run() {
      if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
      return outcome;
    },
    takeBaseline: async ({ checks }) => ({ checks: checks.map(() => ({ workspace: 1, empty: 1 })), protected: [] }),
    runInEmpty: async ({ checks }) => checks.map(() => 1),
    changedPaths: async () => [],
    runChecks: async () => ({ passed: true, results: [], observation: '' }),
    takeSnapshot: async () => null,
    noteSnapshot: async () => undefined,
    listArtifacts: async (_task, unmatched) => {
      return { host: '', directory: '/nowhere', files: [], unmatched, leftOut: [], leftOutCount: 0 };
    },
    prepareWorkspace: async () => '/nowhere',
    checkWorkspace: async () => undefined,
  };
}
