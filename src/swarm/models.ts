import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { createPlanner } from '../agent/planner.js';
import type { Planner } from '../agent/planner-contract.js';
import type { Roster } from '../agent/roster.js';
import { parseCatalog } from '../models/catalog.js';
import { createModels, type Models, type ModelsOptions } from '../models/chain.js';

const PLAN_OUTPUT_TOKENS = 16_000;

export interface OpenModelsOptions extends Omit<ModelsOptions, 'catalog'> {
  /** models.yaml; absolute. */
  readonly catalogFile: string;
}

/** The models that can be used here. Rejects with UnknownModel, NoModel or CatalogError. */
export async function openModels({ catalogFile, ...options }: OpenModelsOptions): Promise<Models> {
  return createModels({
    ...options,
    catalog: parseCatalog(await readFile(catalogFile, 'utf8'), basename(catalogFile)),
  });
}

export function openPlanner(roster: Roster, models: Models): Planner {
  return createPlanner({ chain: models.plannerChain(), roster, maxOutputTokens: PLAN_OUTPUT_TOKENS });
}
