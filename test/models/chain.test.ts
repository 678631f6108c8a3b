import { createModels, NoModel, type Models, type ModelsOptions } from '../../src/models/chain.js';
import { UnknownModel } from '../../src/models/model-name.js';
import type { CircuitChange } from '../../src/ports/circuits.js';
import { noMetrics, type CircuitStateName, type Metrics, type ModelCallOutcome } from '../../src/ports/metrics.js';
import { startFakeOllama, type FakeOllama } from '../support/fake-ollama.js';
import { ask, catalog, clock, modelError, step } from './fixtures.js';

const WITHOUT_OLLAMA =
  'no Ollama at http://127.0.0.1:1 (nothing listens at 127.0.0.1:1 (ECONNREFUSED)): ' +
  'start `ollama serve`, or set OLLAMA_HOST';

describe('the chains of models', () => {
  const open: FakeOllama[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((server) => server.close()));
  });
  const ollamaWith = async (...models: readonly string[]) => {
    const server = await startFakeOllama({ models, reply: () => JSON.stringify(step) });
    open.push(server);
    return server.url;
  };
  /** Port 1 is reserved; no server answers there. */
  const nowhere = '127.0.0.1:1';
  const given = (options: Partial<ModelsOptions> = {}) =>
    createModels({
      catalog,
      clock,
      random: Math.random,
      metrics: noMetrics,
      ollamaHost: nowhere,
      anthropicKey: null,
      openaiKey: null,
      anthropicBaseUrl: null,
      openaiBaseUrl: null,
      workerModels: null,
      signal: new AbortController().signal,
      ...options,
    });
  const banner = (models: Models) => models.summary({ workers: true, planner: true });
  const names = (models: readonly { readonly name: string }[]) => models.map((model) => model.name);

  test('without any model, workers use playbooks and there is no planner; the banner says why', async () => {
    const models = await given();
    expect(names(models.workerChain(null))).toEqual(['playbook']);
    expect(models.plannerChain()).toEqual([]);
    expect(banner(models)).toBe(
      `workers playbook (${WITHOUT_OLLAMA}); ` + 'planner none (no ANTHROPIC_API_KEY or OPENAI_API_KEY)',
    );
    expect(models.plannerAbsence()).toBe(`${WITHOUT_OLLAMA}; ` + 'no ANTHROPIC_API_KEY or OPENAI_API_KEY');
  });

  test('a process names the models of the roles that it has', async () => {
    const models = await given();
    expect(models.summary({ workers: true, planner: false })).toBe(`workers playbook (${WITHOUT_OLLAMA})`);
    expect(models.summary({ workers: false, planner: true })).toBe(
      `planner none (${WITHOUT_OLLAMA}; no ANTHROPIC_API_KEY or OPENAI_API_KEY)`,
    );
    expect(models.summary({ workers: false, planner: false })).toBe('');
  });

  test('an Ollama without the model is skipped; the banner has the pull command', async () => {
    const models = await given({ ollamaHost: await ollamaWith('llama3.1:latest') });
    expect(names(models.workerChain(null))).toEqual(['playbook']);
    expect(banner(models)).toContain('ollama pull qwen3:8b');
    expect(banner(models)).not.toContain('\n');
  });

  test('an Ollama with the model comes first; openai comes last if its key is set', async () => {
    const models = await given({ ollamaHost: await ollamaWith('qwen3:8b'), openaiKey: 'k', anthropicKey: 'k' });
    expect(names(models.workerChain(null))).toEqual(['ollama:qwen3:8b', 'playbook', 'openai:gpt-5.6-terra']);
    expect(names(models.plannerChain())).toEqual([
      'anthropic:claude-opus-5-5',
      'openai:gpt-5.6-sol',
      'ollama:qwen3:8b',
    ]);
    expect(banner(models)).toMatch(/workers ollama:qwen3:8b, then playbook, then openai:gpt-5\.6-terra .*; planner /);
    expect(banner(models)).toMatch(
      /; planner anthropic:claude-opus-5-5, then openai:gpt-5\.6-sol, then ollama:qwen3:8b$/,
    );
  });

  test('WORKER_MODELS defines the chain and keeps a server that does not answer at startup', async () => {
    const models = await given({ workerModels: ['playbook', 'ollama:llama3.1'] });
    expect(names(models.workerChain(null))).toEqual(['playbook', 'ollama:llama3.1']);
    expect(banner(models)).toContain('from WORKER_MODELS; no Ollama at');
  });

  test('PLANNER_MODELS defines the chain of the planner and keeps a server that is silent at startup', async () => {
    const models = await given({ plannerModels: ['ollama:llama3.1', 'openai'] });
    expect(names(models.plannerChain())).toEqual(['ollama:llama3.1']);
    expect(banner(models)).toMatch(/planner ollama:llama3\.1 \(from PLANNER_MODELS; no OPENAI_API_KEY\)$/);
    await expect(given({ plannerModels: ['playbook'] })).rejects.toThrow(UnknownModel);
  });

  test("an agent's chain overrides WORKER_MODELS; models without a key are left out", async () => {
    const models = await given({ workerModels: ['playbook'] });
    expect(names(models.workerChain(['openai', 'ollama']))).toEqual(['ollama:qwen3:8b']);
  });

  test('an unknown name prevents the start; so does a chain in which no model has a key', async () => {
    await expect(given({ workerModels: ['gemini'] })).rejects.toThrow(UnknownModel);
    await expect(given({ workerModels: ['openai'] })).rejects.toThrow(NoModel);
    const models = await given();
    expect(() => models.workerChain(['gpt-4o'])).toThrow(UnknownModel);
    expect(() => models.workerChain(['anthropic'])).toThrow(/ANTHROPIC_API_KEY/);
  });

  test('calls to a failing server are retried, counted per attempt, then rejected at once', async () => {
    const calls: ModelCallOutcome[] = [];
    const states: CircuitStateName[] = [];
    const metrics: Metrics = {
      ...noMetrics,
      circuitState: (_, state) => states.push(state),
      modelCall: ({ outcome }) => calls.push(outcome),
    };
    const models = await given({ workerModels: ['ollama:llama3.1', 'ollama:qwen3:8b'], metrics, random: () => 0 });
    const changes: CircuitChange[] = [];
    models.circuits.subscribe((change) => changes.push(change));
    const [first, second] = models.workerChain(null);
    if (first === undefined || second === undefined) throw new Error('the chain has two models');
    for (let call = 0; call < 5; call += 1) expect((await modelError(ask(first))).code).toBe('unreachable');
    expect(calls).toEqual(Array.from({ length: 15 }, () => 'unreachable'));
    expect(changes).toMatchObject([
      { endpoint: 'ollama at http://127.0.0.1:1', from: 'closed', to: 'open', failures: 5 },
    ]);
    expect((await modelError(ask(second))).code).toBe('resting');
    expect(calls).toHaveLength(15);
    expect(states).toEqual(['closed', 'open']);
  });

  test('each model is created once per process, so that its num_ctx never changes', async () => {
    const models = await given({ ollamaHost: await ollamaWith('qwen3:8b') });
    expect(models.workerChain(null)[0]).toBe(models.workerChain(['ollama:qwen3:8b'])[0]);
    expect(models.workerChain(null)[0]).toBe(models.plannerChain()[0]);
  });
});
