/** The model server: it speaks Ollama's API, and can be stopped, hang, and refuse work for a while. */
import type { OllamaChatBody } from '../../src/models/ollama-request.js';
import { startFakeOllama, type FakeOllama } from '../support/fake-ollama.js';
import type { FakeReply } from '../support/fake-model-server.js';
import { LEDGER, ledgerCommand, MODEL, OVERSIZED, STEPS, type MarkedStep } from './agents.js';
import { startProxy } from './proxy.js';
import { freePorts, type Site } from './site.js';

export interface ModelServer {
  readonly url: string;
  /** good: answers. hung: takes requests and says nothing. limited: 429 with retry-after. */
  behave(how: 'good' | 'hung' | 'limited'): void;
  /** Nothing listens any more; connections break. */
  stop(): void;
  start(): void;
}

export async function startModelServer(site: Site): Promise<ModelServer> {
  let how: 'good' | 'hung' | 'limited' = 'good';
  const never = new Promise<FakeReply>(() => undefined);
  const server: FakeOllama = await startFakeOllama({
    models: [MODEL],
    reply: (request) => {
      if (how === 'hung') return never;
      if (how === 'limited')
        return { kind: 'error', status: 429, message: 'too many requests', headers: { 'retry-after': '2' } };
      return nextStep(request);
    },
  });
  site.onEnd('the model server', () => server.close());
  // A server that is stopped keeps its address; so clients meet it through a proxy that refuses them meanwhile.
  const [port = 0] = await freePorts(1);
  const proxy = await startProxy(port, Number(new URL(server.url).port));
  site.onEnd("the model server's address", () => proxy.close());
  return {
    url: `http://127.0.0.1:${port}`,
    behave: (next) => void (how = next),
    stop() {
      proxy.refuse(true);
      proxy.cut();
    },
    start: () => proxy.refuse(false),
  };
}

/** The next step of clerk or scribe: the first whose command no observation has called a success. */
function nextStep({ messages = [] }: OllamaChatBody): string {
  const text = messages.map(({ content }) => content).join('\n');
  if (text.includes(OVERSIZED))
    return call('workspace_write', { path: 'large', content: 'x'.repeat(1_300_000), mode: 'overwrite' });
  const marked: readonly MarkedStep[] = text.includes('clerk_agent')
    ? STEPS['clerk_agent notes']
    : STEPS['scribe_agent notes'];
  const isDone = ({ mark }: MarkedStep) =>
    messages.some(
      ({ role, content }, index) =>
        role === 'assistant' &&
        content.includes(`mark=${mark};`) &&
        /^Step \d+: execute_terminal_command succeeded/.test(messages[index + 1]?.content ?? ''),
    );
  const step = marked.find((each) => !isDone(each));
  if (step !== undefined)
    return call('execute_terminal_command', { command: ledgerCommandOnce(step), working_dir: '.', timeout: 60 });
  return JSON.stringify({
    thought: 'everything is written',
    action: { finish: { summary: 'The ledger is written.', outputs: [] } },
  });
}

/** The prompt asks a model to check whether an interrupted command has run; this model always checks. */
function ledgerCommandOnce(step: MarkedStep): string {
  return ledgerCommand(step).replace(
    /echo .*? &&/,
    (write) => `{ grep -q "^$mark " ${LEDGER} || ${write.replace(' &&', '; }')} &&`,
  );
}

function call(tool: string, args: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ thought: 'the next line', action: { tool, arguments: args } });
}
