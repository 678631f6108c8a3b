/** Servers with OpenAI's API that may be installed here, each as its own users start it, on a free port. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { piece, startFakeCompatible, type CompatibleAnswer, type SentBody } from '../support/fake-compatible.js';
import { CACHE as OLLAMA_CACHE, fetchWeights, freePort, MODEL, startRealOllama } from '../ollama/real-ollama.js';

/** Logs, configuration and what was said on the wire. */
export const CACHE = fileURLToPath(new URL('../../.ravenhelm/servers', import.meta.url));
/** Tokens of prompt and reply, where a server takes the number. */
export const CONTEXT = 2_048;
const READY_MS = 240_000;
/** LiteLLM starts with no weaker one. */
export const KEY = `sk-${randomBytes(16).toString('hex')}`;

export interface RealServer {
  /** What is before /chat/completions. */
  readonly baseUrl: string;
  readonly model: string;
  stop(): Promise<void>;
}

export interface ServerKind {
  readonly name: string;
  /** What is missing here, and how to get it; null: it can be started. */
  missing(): string | null;
  start(): Promise<RealServer>;
}

/** A program by the variable that names it, else from PATH. */
function programOf(variable: string, name: string): string | null {
  const named = process.env[variable];
  if (named !== undefined && named !== '') return existsSync(named) ? named : null;
  const found = (process.env['PATH'] ?? '').split(delimiter).map((directory) => join(directory, name));
  return found.find((path) => existsSync(path)) ?? null;
}

const installed = (variable: string, name: string, how: string) => (): string | null =>
  programOf(variable, name) === null ? `there is no ${name}: ${how}, or name it in ${variable}` : null;

function need(variable: string, name: string): string {
  const program = programOf(variable, name);
  if (program === null) throw new TypeError(`${name} is missing`);
  return program;
}

/** Starts a server and waits until it lists its models. */
async function serve(
  name: string,
  program: string,
  args: (port: number) => readonly string[],
  extra: Readonly<Record<string, string>> = {},
): Promise<{ readonly baseUrl: string; stop(): Promise<void> }> {
  await mkdir(CACHE, { recursive: true });
  const port = await freePort();
  const logFile = join(CACHE, `${name}.log`);
  const log = createWriteStream(logFile);
  await once(log, 'open');
  const child = spawn(program, args(port), { env: { ...process.env, ...extra }, stdio: ['ignore', log, log] });
  const ended = once(child, 'exit');
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    log.end();
  };
  const baseUrl = `http://127.0.0.1:${port}/v1`;
  const until = performance.now() + READY_MS;
  while (child.exitCode === null && performance.now() < until) {
    if (await answers(`${baseUrl}/models`)) return { baseUrl, stop };
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 250))]);
  }
  if (child.exitCode === null) await stop();
  throw new Error(`${name} did not start (exit code ${child.exitCode}); see ${logFile}`);
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { headers: { authorization: `Bearer ${KEY}` }, signal: AbortSignal.timeout(5_000) })).ok;
  } catch {
    return false; // it does not listen yet
  }
}

async function llamaCpp(): Promise<RealServer> {
  const weights = await fetchWeights();
  const args = ['-m', weights, '-c', String(CONTEXT), '-t', '2', '--host', '127.0.0.1', '--jinja', '--parallel', '1'];
  const server = await serve('llama.cpp', need('LLAMA_SERVER', 'llama-server'), (port) => [
    ...args,
    '--port',
    String(port),
  ]);
  return { ...server, model: 'gemma-3-270m' };
}

async function llamaCppPython(): Promise<RealServer> {
  const weights = await fetchWeights();
  const server = await serve('llama-cpp-python', need('LLAMA_CPP_PYTHON', 'python-with-llama-cpp'), (port) => [
    ...['-m', 'llama_cpp.server', '--model', weights, '--n_ctx', String(CONTEXT), '--n_threads', '2'],
    ...['--host', '127.0.0.1', '--port', String(port)],
  ]);
  return { ...server, model: 'gemma-3-270m' };
}

async function ollamaCompatible(): Promise<RealServer> {
  const ollama = await startRealOllama();
  return { baseUrl: `${ollama.url}/v1`, model: MODEL, stop: ollama.stop };
}

/** In front of a server that says the same to everybody: what it adds and refuses is LiteLLM's own. */
async function litellm(): Promise<RealServer> {
  const behind = await startFakeCompatible(scripted);
  try {
    await mkdir(CACHE, { recursive: true });
    const config = join(CACHE, 'litellm.json');
    const parameters = { model: 'openai/m', api_base: behind.baseUrl, api_key: 'none' };
    // YAML reads JSON.
    await writeFile(config, JSON.stringify({ model_list: [{ model_name: 'small', litellm_params: parameters }] }));
    const server = await serve(
      'litellm',
      need('LITELLM', 'litellm'),
      (port) => ['--config', config, '--host', '127.0.0.1', '--port', String(port), '--telemetry', 'False'],
      { LITELLM_LOCAL_MODEL_COST_MAP: 'True', LITELLM_MASTER_KEY: KEY },
    );
    return {
      ...server,
      model: 'small',
      async stop() {
        await server.stop();
        await behind.close();
      },
    };
  } catch (error) {
    await behind.close();
    throw error;
  }
}

function scripted(body: SentBody): CompatibleAnswer {
  if (JSON.stringify(body['messages']).length > CONTEXT * 4) {
    const message = `This model's maximum context length is ${CONTEXT} tokens. However, your request has more.`;
    return { status: 400, error: { error: { message, type: 'BadRequestError', param: null, code: 400 } } };
  }
  const limit = Number(body['max_tokens'] ?? body['max_completion_tokens'] ?? CONTEXT);
  const content = body['response_format'] === undefined ? 'a.txt' : '{"thought":"t","tool":"look"}';
  const finish = limit < 10 ? 'length' : 'stop';
  const completion = Math.min(limit, 10);
  const usage = { prompt_tokens: 9, completion_tokens: completion, total_tokens: 9 + completion };
  if (body['stream'] === true)
    return { events: [piece({ role: 'assistant', content }), piece({}, finish), { ...piece({}), choices: [], usage }] };
  const message = { role: 'assistant', content };
  return {
    document: {
      id: 'c',
      object: 'chat.completion',
      created: 1,
      model: 'm',
      usage,
      choices: [{ index: 0, message, finish_reason: finish }],
    },
  };
}

/** One that runs already, of whatever kind. */
const given: ServerKind = {
  name: 'the server of TEST_SERVER_URL',
  missing: () =>
    process.env['TEST_SERVER_URL'] === undefined || process.env['TEST_SERVER_MODEL'] === undefined
      ? 'TEST_SERVER_URL (what is before /chat/completions) and TEST_SERVER_MODEL name none'
      : null,
  start: async () => ({
    baseUrl: process.env['TEST_SERVER_URL'] ?? '',
    model: process.env['TEST_SERVER_MODEL'] ?? '',
    stop: async () => undefined,
  }),
};

const llamaServer = installed('LLAMA_SERVER', 'llama-server', 'build llama.cpp');

export const SERVERS: readonly ServerKind[] = [
  { name: 'llama.cpp', missing: llamaServer, start: llamaCpp },
  {
    name: 'llama-cpp-python',
    missing: installed('LLAMA_CPP_PYTHON', 'python-with-llama-cpp', "pip install 'llama-cpp-python[server]'"),
    start: llamaCppPython,
  },
  {
    name: 'Ollama behind v1',
    missing: () =>
      existsSync(join(OLLAMA_CACHE, 'bin', 'ollama')) || programOf('OLLAMA', 'ollama') !== null
        ? null
        : 'there is no ollama: npm run test:ollama builds one',
    start: ollamaCompatible,
  },
  { name: 'LiteLLM', missing: installed('LITELLM', 'litellm', "pip install 'litellm[proxy]'"), start: litellm },
  given,
];
