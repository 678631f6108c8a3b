import type { Random } from '../domain/backoff.js';
import type { CircuitNews } from '../ports/circuits.js';
import type { Clock } from '../ports/clock.js';
import type { Metrics } from '../ports/metrics.js';
import type { ChatModel } from '../ports/model.js';
import { ANTHROPIC_URL, createAnthropicModel } from './anthropic.js';
import type { ModelCatalog, ModelEntry } from './catalog.js';
import { createCircuits } from './circuits.js';
import { withoutCredentials } from './endpoint.js';
import { withMetrics } from './metered.js';
import { parseModelName } from './model-name.js';
import { createOllamaModel } from './ollama.js';
import { ollamaUrl } from './ollama-host.js';
import { canonicalOllamaName } from './ollama-name.js';
import { createOpenaiModel } from './openai.js';
import { OPENAI_URL } from './openai-base.js';
import { createPlaybookModel } from './playbook.js';
import type { ProxySettings } from './proxy.js';
import { withRetries, type RetryOptions } from './retry.js';
import { createTransport } from './transport.js';
import type { CallLimits } from './watchdog.js';

/** The models' servers, keys and limits. */
export interface ModelAccess {
  readonly catalog: ModelCatalog;
  readonly clock: Clock;
  /** Jitter for retries and circuit breakers. */
  readonly random: Random;
  readonly metrics: Metrics;
  /** OLLAMA_HOST; null: this computer. */
  readonly ollamaHost: string | null;
  /** ANTHROPIC_API_KEY and OPENAI_API_KEY; null or empty: the provider is not used. */
  readonly anthropicKey: string | null;
  readonly openaiKey: string | null;
  /** ANTHROPIC_BASE_URL and OPENAI_BASE_URL; null: the vendor's default. */
  readonly anthropicBaseUrl: string | null;
  readonly openaiBaseUrl: string | null;
  /** HTTP_PROXY and the like; left out: no proxy. */
  readonly proxies?: ProxySettings;
  /** Limits that replace the adapters' defaults. */
  readonly limits?: Partial<CallLimits>;
  /** The same for Ollama alone. */
  readonly ollamaLimits?: Partial<CallLimits>;
}

/** The models of a process. Each is created once, so that an Ollama model's num_ctx never changes. */
export interface ModelPool {
  /** Without credentials. */
  readonly ollamaUrl: string;
  readonly circuits: CircuitNews;
  /** The model with this name, or missingKey if its provider's key is not set. Throws UnknownModel. */
  named(name: string, role: 'planner' | 'worker'): ChatModel | MissingKey;
}

export interface MissingKey {
  readonly missingKey: 'ANTHROPIC_API_KEY' | 'OPENAI_API_KEY';
}

/** Retries of a local server end after this time, so that the next model of the chain answers soon. */
const OLLAMA_PATIENCE = { patienceMs: 5_000 };

/** Throws OllamaHostError when OLLAMA_HOST is not an address. */
export function createModelPool(access: ModelAccess): ModelPool {
  const { catalog, clock, random, metrics, limits = {}, ollamaLimits = {} } = access;
  const circuits = createCircuits({ clock, random, metrics });
  const url = ollamaUrl(access.ollamaHost);
  const shownUrl = withoutCredentials(url);
  const transport = createTransport(access.proxies);
  const created = new Map<string, ChatModel>();
  const playbook = createPlaybookModel();
  const hosted = (entry: ModelEntry, apiKey: string, baseUrl: string | null) => ({
    entry,
    apiKey,
    baseUrl,
    clock,
    limits,
    transport,
  });
  /** From inside to outside: metrics count each attempt, retries repeat it, the circuit breaker sees whole calls. */
  const guarded = (model: ChatModel, endpoint: string, patience: Pick<RetryOptions, 'patienceMs'> = {}) =>
    circuits.guard(endpoint, withRetries(withMetrics(model, clock, metrics), { clock, random, ...patience }));
  const create = (entry: ModelEntry): ChatModel | MissingKey => {
    switch (entry.provider) {
      case 'ollama':
        return guarded(
          createOllamaModel({ url, entry, clock, limits: { ...limits, ...ollamaLimits }, transport }),
          `ollama at ${shownUrl}`,
          OLLAMA_PATIENCE,
        );
      case 'anthropic':
        if (!access.anthropicKey) return { missingKey: 'ANTHROPIC_API_KEY' };
        return guarded(
          createAnthropicModel(hosted(entry, access.anthropicKey, access.anthropicBaseUrl)),
          `anthropic at ${withoutCredentials(access.anthropicBaseUrl ?? ANTHROPIC_URL)}`,
        );
      case 'openai':
        if (!access.openaiKey) return { missingKey: 'OPENAI_API_KEY' };
        return guarded(
          createOpenaiModel(hosted(entry, access.openaiKey, access.openaiBaseUrl)),
          `openai at ${withoutCredentials(access.openaiBaseUrl ?? OPENAI_URL)}`,
        );
    }
  };
  return {
    ollamaUrl: shownUrl,
    circuits,
    named(name, role) {
      const choice = parseModelName(name, catalog, role);
      if (choice.kind === 'playbook') return playbook;
      const { provider, id } = choice.entry;
      const key = `${provider}:${provider === 'ollama' ? canonicalOllamaName(id) : id}`;
      const model = created.get(key) ?? create(choice.entry);
      if (!('missingKey' in model)) created.set(key, model);
      return model;
    },
  };
}
