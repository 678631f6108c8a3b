import type { ModelCatalog, ModelEntry } from './catalog.js';

/** The meaning of a name such as ollama, ollama:qwen3, playbook or anthropic:claude-…. */
export type ModelChoice = { readonly kind: 'playbook' } | { readonly kind: 'model'; readonly entry: ModelEntry };

/** An unknown model name. The message lists the known ones. */
export class UnknownModel extends Error {
  readonly code = 'unknown_model';
  readonly retriable = false;
}

/**
 * Reads a model's name: provider (the role's default model), provider:id, or playbook (workers only).
 * Throws UnknownModel.
 */
export function parseModelName(name: string, catalog: ModelCatalog, role: 'planner' | 'worker'): ModelChoice {
  if (name === 'playbook' && role === 'worker') return { kind: 'playbook' };
  const colon = name.indexOf(':');
  const provider = colon < 0 ? name : name.slice(0, colon);
  if (provider !== 'anthropic' && provider !== 'openai' && provider !== 'ollama') throw unknown(name, catalog, role);
  const id = colon < 0 ? catalog.defaults[role][provider] : name.slice(colon + 1);
  const entry = provider === 'ollama' ? catalog.ollama(id) : catalog.hosted(provider, id);
  if (entry === null || id === '') throw unknown(name, catalog, role);
  return { kind: 'model', entry };
}

function unknown(name: string, catalog: ModelCatalog, role: 'planner' | 'worker'): UnknownModel {
  const hosted = catalog.models
    .filter((model) => model.provider !== 'ollama')
    .map((model) => `${model.provider}:${model.id}`);
  const known = [
    ...(role === 'worker' ? ['playbook'] : []),
    'ollama',
    'ollama:NAME (any model that `ollama list` shows)',
    'anthropic',
    'openai',
    ...hosted,
  ];
  return new UnknownModel(`there is no model "${name}"; use one of ${known.join(', ')}, or add it to models.yaml`);
}
