import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { createPlanner } from '../agent/planner.js';
import type { Planner } from '../agent/planner-contract.js';
import type { Roster } from '../agent/roster.js';
import { parseCatalog, type ModelCatalog } from '../models/catalog.js';
import type { Redact } from '../domain/redaction.js';
import type { Metrics } from '../ports/metrics.js';
import { createModels, type Models, type ModelsOptions } from '../models/chain.js';

const PLAN_OUTPUT_TOKENS = 16_000;

export interface OpenModelsOptions extends Omit<ModelsOptions, 'catalog'> {
  /** models.yaml; absolute. */
  readonly catalogFile: string;
}

/** The models that can be used here. Rejects with UnknownModel, NoModel or, where a model is named, CatalogError. */
export async function openModels({ catalogFile, ...options }: OpenModelsOptions): Promise<Models> {
  return createModels({ ...options, catalog: catalogWhenNeeded(await readFile(catalogFile, 'utf8'), catalogFile) });
}

/** A swarm of playbooks names no model: then the file is not parsed. Its members throw as parseCatalog does. */
function catalogWhenNeeded(text: string, catalogFile: string): ModelCatalog {
  let parsed: ModelCatalog | null = null;
  const catalog = () => (parsed ??= parseCatalog(text, basename(catalogFile)));
  return {
    get asOf() {
      return catalog().asOf;
    },
    get defaults() {
      return catalog().defaults;
    },
    get models() {
      return catalog().models;
    },
    hosted: (provider, id) => catalog().hosted(provider, id),
    ollama: (id) => catalog().ollama(id),
  };
}

/**
 * @param rosterNow the agents as they are when it is asked
 * @param metrics count what could be read from replies; absent: not counted
 */
export function openPlanner(
  rosterNow: () => Roster,
  models: Models,
  redact: Redact,
  metrics?: Pick<Metrics, 'replyRead'>,
): Planner {
  return createPlanner({
    chain: models.plannerChain(),
    absence: models.plannerAbsence(),
    get roster() {
      return rosterNow();
    },
    redact,
    maxOutputTokens: PLAN_OUTPUT_TOKENS,
    ...(metrics === undefined ? {} : { replyRead: (reply) => metrics.replyRead(reply) }),
  });
}
