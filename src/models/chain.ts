import { PLAYBOOK_MODEL } from '../domain/agent-spec.js';
import type { CircuitNews } from '../ports/circuits.js';
import type { ChatModel } from '../ports/model.js';
import { createModelPool, type ModelAccess, type ModelPool } from './model-pool.js';

export interface ModelsOptions extends ModelAccess {
  /** WORKER_MODELS: names in order; null: the models that are available here. */
  readonly workerModels: readonly string[] | null;
  /** PLANNER_MODELS: names in order; left out or null: anthropic, openai and ollama where they are available. */
  readonly plannerModels?: readonly string[] | null;
  /** Aborts the probes at startup. */
  readonly signal: AbortSignal;
}

export interface Models {
  /**
   * The chain of an agent, in order; never empty.
   * The names come from the agent (AgentSpec.models), else from WORKER_MODELS, else the available models are used.
   * Throws UnknownModel, and NoModel when every name lacks its API key.
   */
  workerChain(agentModels: readonly string[] | null): readonly ChatModel[];
  /** The planner's chain; may be empty. */
  plannerChain(): readonly ChatModel[];
  /** Why the planner's chain is empty, or lacks models: missing keys, what a probe has said. May be empty. */
  plannerAbsence(): string;
  /** State changes of the circuit breakers of the models' endpoints. */
  readonly circuits: CircuitNews;
  /** Which models are used, and why, on one line; empty for a process that plans nothing and works for no agent. */
  summary(roles: { readonly workers: boolean; readonly planner: boolean }): string;
}

/** No model of a chain has an API key. */
export class NoModel extends Error {
  readonly code = 'no_model';
  readonly retriable = false;
}

/**
 * Probes the models and builds the chains. Rejects with UnknownModel for an unknown name in workerModels, with NoModel
 * when all of them lack their API keys, and with OllamaHostError when OLLAMA_HOST is not an address.
 *
 * Without WORKER_MODELS a worker's chain is ollama (if it answers and has the model), playbook, and openai (if its key
 * is set). The planner's chain is anthropic and openai (if their keys are set) and ollama (if it can be used). Names
 * from WORKER_MODELS and PLANNER_MODELS stay in the chain even if their server does not answer at startup, because it
 * may answer later.
 */
export async function createModels(options: ModelsOptions): Promise<Models> {
  const pool = createModelPool(options);
  const named = options.workerModels?.length ? options.workerModels : null;
  const planners = options.plannerModels ?? null;
  const [workers, planner] = await Promise.all([
    selection(pool, named ?? ['ollama'], 'worker', options.signal),
    selection(pool, planners ?? ['anthropic', 'openai', 'ollama'], 'planner', options.signal),
  ]);
  const names = named ?? [
    ...(workers.usable.length > 0 ? ['ollama'] : []),
    PLAYBOOK_MODEL,
    ...(options.openaiKey ? ['openai'] : []),
  ];
  const plannerChain = planners === null ? planner.usable : planner.keyed;

  const workerChain: Models['workerChain'] = (agentModels) => chainOf(pool, agentModels ?? names);
  const defaultChain = workerChain(null);
  const workerNotes = [...(named === null ? [] : ['from WORKER_MODELS']), ...workers.notes];
  return {
    workerChain,
    plannerChain: () => plannerChain,
    plannerAbsence: () => planner.notes.join('; '),
    circuits: pool.circuits,
    summary: ({ workers: showWorkers, planner: showPlanner }) => {
      const shown = plannerChain.length === 0 ? [{ name: 'none' }] : plannerChain;
      const news = planner.notes.filter((note) => !showWorkers || !workers.notes.includes(note));
      const plannerNotes = [...(planners === null ? [] : ['from PLANNER_MODELS']), ...news];
      return [
        ...(showWorkers ? [`workers ${sequence(defaultChain, workerNotes)}`] : []),
        ...(showPlanner ? [`planner ${sequence(shown, plannerNotes)}`] : []),
      ].join('; ');
    },
  };
}

/** Which of the named models can be used now, with a note on each for the banner. */
interface Selection {
  readonly usable: readonly ChatModel[];
  /** Usable or not now; those whose API key is missing are left out. */
  readonly keyed: readonly ChatModel[];
  readonly notes: readonly string[];
}

async function selection(
  pool: ModelPool,
  names: readonly string[],
  role: 'planner' | 'worker',
  signal: AbortSignal,
): Promise<Selection> {
  const usable: ChatModel[] = [];
  const keyed: ChatModel[] = [];
  const notes: string[] = [];
  const missingKeys: string[] = [];
  for (const name of names) {
    const model = pool.named(name, role);
    if ('missingKey' in model) {
      missingKeys.push(model.missingKey);
      continue;
    }
    keyed.push(model);
    const probe = await model.probe(signal);
    if (probe.usable) usable.push(model);
    if (probe.usable && model.name.startsWith('ollama:')) notes.push(`${model.name} answers at ${pool.ollamaUrl}`);
    if (!probe.usable) notes.push(`${probe.reason}${probe.fix === null ? '' : `: ${probe.fix}`}`);
  }
  return { usable, keyed, notes: missingKeys.length === 0 ? notes : [...notes, `no ${missingKeys.join(' or ')}`] };
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
  const keys = [...new Set(missing)].join(' or ');
  throw new NoModel(
    `no API key for any of the models ${names.join(', ')}; set ${keys}, or name ollama or playbook instead`,
  );
}

function sequence(models: readonly { readonly name: string }[], notes: readonly string[]): string {
  const names = models.map((model) => model.name).join(', then ');
  return notes.length === 0 ? names : `${names} (${notes.join('; ')})`;
}
