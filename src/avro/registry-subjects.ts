/**
 * The subjects of this build's events in a schema registry, and their removal, for which the registry's library has no
 * call.
 */
import { z } from 'zod';
import { describeError } from '../domain/describe-error.js';
import type { RegistrySubjects } from '../ports/swarm-purge.js';
import { RegistryUnreachable } from './errors.js';
import { connectRegistry, type RegistryOptions } from './registry.js';
import { RegistryRefused } from './registry-client.js';
import { loadSchemas } from './schemas.js';

const DEADLINE_MS = 10_000;
const names = z.array(z.string());
const refusal = z.object({ message: z.string() });

/** Rejects with RegistryUnreachable, or SchemaInvalid for a schema of this build. */
export async function openRegistrySubjects(schemasDir: string, options: RegistryOptions): Promise<RegistrySubjects> {
  const own = new Set((await loadSchemas(schemasDir)).map(({ recordName }) => recordName));
  const { url } = await connectRegistry(options);
  const ask = (method: string, path: string) => request(`${url}${path}`, url, method, options.auth);
  return {
    async find() {
      const listed = names.safeParse(await ask('GET', '/subjects'));
      if (!listed.success) throw new RegistryUnreachable(url, 'its answer is no list of subjects');
      return listed.data.filter((subject) => own.has(subject)).sort();
    },
    async remove(subjects, onRemoved) {
      for (const subject of subjects) {
        try {
          await ask('DELETE', `/subjects/${encodeURIComponent(subject)}`);
        } catch (error) {
          // Another purge, or a person, was quicker.
          if (!(error instanceof RegistryRefused) || error.status !== 404) throw error;
        }
        onRemoved(subject);
      }
    },
  };
}

async function request(address: string, url: string, method: string, auth: RegistryOptions['auth']): Promise<unknown> {
  const headers: Record<string, string> = { accept: 'application/vnd.schemaregistry.v1+json' };
  if (auth !== undefined)
    headers['authorization'] = `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`;
  let status: number;
  let text: string;
  try {
    const response = await fetch(address, { method, headers, signal: AbortSignal.timeout(DEADLINE_MS) });
    status = response.status;
    text = await response.text();
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    throw new RegistryUnreachable(url, describeError(cause), { cause: error });
  }
  const body = parseJson(text);
  if (status >= 200 && status < 300) return body;
  const said = refusal.safeParse(body);
  throw new RegistryRefused(url, status, said.success ? said.data.message : text.slice(0, 300));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // not JSON: its reader says so
  }
}
