/** What the engine has, as far as it is the project's. */
import { z } from 'zod';
import { PROJECT_LABEL, type Project } from './project.js';
import { RequestRefused } from './refusal.js';

/** Asks the engine for the JSON at a path; null: it has none. */
export type Lookup = (path: string) => Promise<unknown>;

const labels = z.record(z.string(), z.string()).nullish();
const labelled = z.looseObject({ Labels: labels });
const container = z.object({
  Id: z.string().regex(/^[0-9a-f]{64}$/),
  Config: z.object({ Labels: labels, User: z.string().nullish() }),
  Mounts: z.array(z.object({ Type: z.string().nullish(), RW: z.boolean().nullish() })).nullish(),
});

export interface OwnContainer {
  readonly id: string;
  /** Whom its commands must run as, because it may write to the workspace; null: any user. */
  readonly user: string | null;
}

const isOwn = (found: z.output<typeof labels>, { name }: Project): boolean => found?.[PROJECT_LABEL] === name;
const missing = (kind: string, name: string) => new RequestRefused(`No such ${kind}`, 404, name);

/** By its full id, so that a name cannot come to mean another one. Throws RequestRefused for a foreign one. */
export async function ownContainer(name: string, project: Project, lookup: Lookup): Promise<OwnContainer> {
  const parsed = container.safeParse(await lookup(`/containers/${name}/json`));
  if (!parsed.success || !isOwn(parsed.data.Config.Labels, project)) throw missing('container', name);
  const { Id, Config, Mounts } = parsed.data;
  const writes = (Mounts ?? []).some(({ Type, RW }) => Type === 'bind' && RW !== false);
  return { id: Id, user: writes ? (Config.User ?? '') : null };
}

const exec = z.object({ ContainerID: z.string().regex(/^[0-9a-f]{64}$/) });

/** The container of a command. Throws RequestRefused for a foreign one. */
export async function ownExec(id: string, project: Project, lookup: Lookup): Promise<OwnContainer> {
  const parsed = exec.safeParse(await lookup(`/exec/${id}/json`));
  if (!parsed.success) throw missing('exec instance', id);
  return ownContainer(parsed.data.ContainerID, project, lookup);
}

/** Throws RequestRefused for a foreign one. */
export async function requireOwn(
  kind: 'network' | 'volume',
  name: string,
  project: Project,
  lookup: Lookup,
): Promise<void> {
  if (!/^[\w][\w.-]*$/.test(name)) throw missing(kind, name);
  const parsed = labelled.safeParse(await lookup(`/${kind}s/${name}`));
  if (!parsed.success || !isOwn(parsed.data.Labels, project)) throw missing(kind, name);
}

/** Of a list those with the project's label. */
export function ownOf(list: unknown, project: Project): readonly z.output<typeof labelled>[] {
  const parsed = z.array(labelled).safeParse(list);
  return parsed.success ? parsed.data.filter(({ Labels }) => isOwn(Labels, project)) : [];
}

const filterValues = z.record(z.string(), z.union([z.array(z.string()), z.record(z.string(), z.boolean())]));

/** The parameter filters of a list, with the project's label too. Throws RequestRefused. */
export function filtersOf(text: string | undefined, project: Project): string {
  const parsed = filterValues.safeParse(parsedJson(text === undefined || text === '' ? '{}' : text));
  if (!parsed.success) throw new RequestRefused('the parameter filters is not as the engine takes it', 400);
  const lists = Object.entries(parsed.data).map(([name, values]) => [
    name,
    Array.isArray(values) ? values : Object.keys(values).filter((value) => values[value] === true),
  ]);
  const given: Record<string, string[]> = Object.fromEntries(lists);
  return JSON.stringify({ ...given, label: [...(given['label'] ?? []), `${PROJECT_LABEL}=${project.name}`] });
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
