import type { CircuitNews } from '../ports/circuits.js';
import type { ChatModel } from '../ports/model.js';
import { createModelPool, type ModelAccess, type ModelPool } from './model-pool.js';
import { PLAYBOOK_MODEL } from './playbook.js';

export interface ModelsOptions extends ModelAccess {
  /** WORKER_MODELS, by name, in order; null: what can be used here. */
  readonly workerModels: readonly string[] | null;
  /** Ends the probing at start. */
  readonly signal: AbortSignal;
}

export interface Models {
  /**
   * The chain of a worker's agent, in order; never empty.
   * Names are the agent's own (AgentSpec.models), else WORKER_MODELS, else what can be used here.
   * Throws UnknownModel, and NoModel when each of the names lacks its key.
   */
  workerChain(agentModels: readonly string[] | null): readonly ChatModel[];
  /** The planner's chain without its last resort `order`, which is no model; may be empty. */
  plannerChain(): readonly ChatModel[];
  /** News of the circuit breakers of the models' endpoints. */
  readonly circuits: CircuitNews;
  /** One line: which models will be used and why. */
  banner(): string;
}

/** A chain whose every model lacks its key. */
export class NoModel extends Error {
  readonly code = 'no_model';
  readonly retriable = false;
}

/**
 * Asks which models can be used and makes the chains. Throws UnknownModel for a name in workerModels that means
 * nothing, NoModel when all of them lack their keys, OllamaHostError for an OLLAMA_HOST that is no address.
 *
 * Without WORKER_MODELS a worker's chain is ollama (when it answers and the model is there), playbook, and openai when
 * a key is there; the planner's is anthropic and openai where their keys are, and ollama when it can be used. Names
 * that are given stay in the chain even if their server does not answer now: it may later.
 */
export async function createModels(options: ModelsOptions): Promise<Models> {
  const pool = createModelPool(options);
  const named = options.workerModels?.length ? options.workerModels : null;
  const [workers, hosted, local] = await Promise.all([
    selection(pool, named ?? ['ollama'], 'worker', options.signal),
    selection(pool, ['anthropic', 'openai'], 'planner', options.signal),
    selection(pool, ['ollama'], 'planner', options.signal),
  ]);
  const names = named ?? [
    ...(workers.usable.length > 0 ? ['ollama'] : []),
    PLAYBOOK_MODEL,
    ...(options.openaiKey ? ['openai'] : []),
  ];
  const plannerChain = [...hosted.usable, ...local.usable];

  const workerChain: Models['workerChain'] = (agentModels) => chainOf(pool, agentModels ?? names);
  const defaultChain = workerChain(null);
  const whyWorkers = [...(named === null ? [] : ['as WORKER_MODELS says']), ...workers.notes];
  return {
    workerChain,
    plannerChain: () => plannerChain,
    circuits: pool.circuits,
    banner: () =>
      `Models: workers ${sequence(defaultChain, whyWorkers)}; planner ${sequence([...plannerChain, { name: 'order' }], hosted.notes)}`,
  };
}

/** Which of some models can be used now, and what is to be said of each. */
interface Selection {
  readonly usable: readonly ChatModel[];
  readonly notes: readonly string[];
}

async function selection(
  pool: ModelPool,
  names: readonly string[],
  role: 'planner' | 'worker',
  signal: AbortSignal,
): Promise<Selection> {
  const usable: ChatModel[] = [];
  const notes: string[] = [];
  const missingKeys: string[] = [];
  for (const name of names) {
    const model = pool.named(name, role);
    if ('missingKey' in model) {
      missingKeys.push(model.missingKey);
      continue;
    }
    const probe = await model.probe(signal);
    if (probe.usable) usable.push(model);
    if (probe.usable && model.name.startsWith('ollama:')) notes.push(`${model.name} answers at ${pool.ollamaUrl}`);
    if (!probe.usable) notes.push(`${probe.reason}${probe.fix === null ? '' : `: ${probe.fix}`}`);
  }
  return { usable, notes: missingKeys.length === 0 ? notes : [...notes, `no ${missingKeys.join(' or ')}`] };
}

function chainOf(pool: ModelPool, names: readonly string[]): readonly ChatModel[] {
  const chain: ChatModel[] = [];
  const missing: string[] = [];
  for (const name of names) {
    const model = pool.named(name, 'worker');
    if ('missingKey' in model) missing.push(model.missingKey);
    else chain.push(model);
  }
  if (chain.length > 0) return chain;
  throw new NoModel(
    `none of the models ${names.join(', ')} can be used: set ${[...new Set(missing)].join(' or ')}, or name ollama or playbook`,
  );
}

function sequence(models: readonly { readonly name: string }[], notes: readonly string[]): string {
  const names = models.map((model) => model.name).join(', then ');
  return notes.length === 0 ? names : `${names} (${notes.join('; ')})`;
}
