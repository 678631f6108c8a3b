/** What this worker can give to agents beyond their workspaces. It is looked up once, when the worker starts. */
import { realpath } from 'node:fs/promises';
import type { Permissions } from '../domain/permissions.js';
import { PermissionUnavailable } from '../ports/tools.js';
import type { EngineAddress } from './engine/upstream.js';
import type { ReadOnlyBind } from './sandbox.js';
import type { Provided } from './secrets.js';
import { reasonOf } from './system-errors.js';

export interface Provisions {
  /** By name; one that is missing here was not looked up. */
  readonly secrets: ReadonlyMap<string, Provided<string>>;
  /** By the path that the agent's file names: the path without links. */
  readonly mounts: ReadonlyMap<string, Provided<string>>;
  /** null: it was not looked for. */
  readonly engine: Provided<EngineAddress> | null;
}

export const NO_PROVISIONS: Provisions = { secrets: new Map(), mounts: new Map(), engine: null };

/**
 * Why this worker cannot give what the permissions name, each with its cure; empty: it can.
 * @param isSandboxed without a sandbox no secret is given: its file would be on the disk, for all programs of the user;
 *   and no engine, which the command could pass by
 */
export function problemsWith(
  { secrets = [], mounts = [], docker = false }: Permissions,
  provisions: Provisions,
  isSandboxed: boolean,
): readonly string[] {
  const missing = (found: Provided<unknown> | undefined, what: string) => {
    if (found === undefined) return [`${what} was not given to this worker`];
    return found.ok ? [] : [found.problem];
  };
  return [
    ...(secrets.length > 0 && !isSandboxed
      ? [`secrets (${secrets.join(', ')}) are given in the sandbox only; leave out --sandbox off`]
      : secrets.flatMap((name) => missing(provisions.secrets.get(name), `the secret ${name}`))),
    ...mounts.flatMap(({ path }) => missing(provisions.mounts.get(path), `the mount ${path}`)),
    ...(docker && !isSandboxed ? ['docker: an engine is given in the sandbox only; leave out --sandbox off'] : []),
    ...(docker && isSandboxed ? missing(provisions.engine ?? undefined, 'docker: an engine') : []),
  ];
}

/** Rejects with PermissionUnavailable, also if a mount has become a link or is gone since the worker's start. */
export async function requireProvisions(
  permissions: Permissions,
  provisions: Provisions,
  isSandboxed: boolean,
): Promise<void> {
  const problems = [...problemsWith(permissions, provisions, isSandboxed)];
  for (const { source, target } of mountsOf(permissions, provisions)) {
    const now = await realpath(source).catch((error: unknown) => reasonOf(error));
    if (now !== source)
      problems.push(`the mount ${target} is not as it was when this worker started (${now}); restart the worker`);
  }
  if (problems.length > 0)
    throw new PermissionUnavailable(`This worker cannot give what the agent's file names: ${problems.join('; ')}`);
}

/** Names and values of the secrets of a call, all of which are there. */
export function secretsOf(
  { secrets = [] }: Permissions,
  provisions: Provisions,
): readonly (readonly [string, string])[] {
  return secrets.flatMap((name) => {
    const secret = provisions.secrets.get(name);
    return secret?.ok === true ? [[name, secret.value] as const] : [];
  });
}

/** The mounts of a call, all of which are there. */
export function mountsOf({ mounts = [] }: Permissions, provisions: Provisions): readonly ReadOnlyBind[] {
  return mounts.flatMap(({ path }) => {
    const mount = provisions.mounts.get(path);
    return mount?.ok === true ? [{ source: mount.value, target: path }] : [];
  });
}
