/**
 * The subjects of this build's events in a schema registry, and their removal, for which the registry's library has no
 * call.
 */
import { z } from 'zod';
import type { RegistrySubjects } from '../ports/swarm-purge.js';
import { RegistryUnreachable } from './errors.js';
import { connectRegistry, type RegistryOptions } from './registry.js';
import { RegistryRefused, unanswered, type Question } from './registry-refusal.js';
import { loadSchemas } from './schemas.js';

const DEADLINE_MS = 10_000;
const names = z.array(z.string());

/** Rejects with RegistryUnreachable, or SchemaInvalid for a schema of this build. */
export async function openRegistrySubjects(schemasDir: string, options: RegistryOptions): Promise<RegistrySubjects> {
  const own = new Set((await loadSchemas(schemasDir)).map(({ recordName }) => recordName));
  const { url } = await connectRegistry(options);
  const ask = (method: string, path: string) => request(url, { method, path }, options);
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

async function request(url: string, question: Question, { auth, clock }: RegistryOptions): Promise<unknown> {
  const asker = { url, hasUser: auth !== undefined };
  const headers: Record<string, string> = { accept: 'application/vnd.schemaregistry.v1+json' };
  if (auth !== undefined)
    headers['authorization'] = `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`;
  const { method, path } = question;
  const ask = async () => {
    const response = await fetch(`${url}${path}`, { method, headers, signal: AbortSignal.timeout(DEADLINE_MS) });
    return { response, body: await response.text() };
  };
  const { response, body } = await ask().catch((error: unknown) => {
    throw unanswered(asker, error instanceof Error && error.cause !== undefined ? error.cause : error);
  });
  if (response.ok) return parseJson(body);
  const answer = { status: response.status, body, retryAfter: response.headers.get('retry-after') };
  throw new RegistryRefused(asker, question, answer, clock.now());
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // not JSON: its reader says so
  }
}
