import { COMPATIBILITY, SchemaType } from '@kafkajs/confluent-schema-registry';
import { ConfluentSchemaRegistryError } from '@kafkajs/confluent-schema-registry/dist/errors.js';
import { z } from 'zod';
import { RegistryUnreachable, SchemaIncompatible, SchemaUnknown } from './errors.js';
import {
  createRegistryClient,
  RegistryRefused,
  type RegistryClient,
  type RegistryClientOptions,
} from './registry-client.js';

/** The schema registry: whatever speaks the Confluent API (Confluent, Redpanda, Apicurio's ccompat). */
export interface Registry {
  /** Where the API was found. */
  readonly url: string;
  /** Registers a schema under FULL_TRANSITIVE and gives its id; the same text again gives the same id. Rejects with SchemaIncompatible or RegistryUnreachable. */
  register(subject: string, schema: string): Promise<number>;
  /** The JSON text of a schema. Rejects with SchemaUnknown or RegistryUnreachable. */
  schemaById(id: number): Promise<string>;
}

export interface RegistryOptions extends RegistryClientOptions {
  /** http(s)://host:port, or the API's own address, such as http://host:port/apis/ccompat/v7. */
  readonly url: string;
}

/** Where Apicurio serves the Confluent API; Confluent and Redpanda serve it at the root. */
const APICURIO_PATH = '/apis/ccompat/v7';
const UNAUTHORIZED: readonly number[] = [401, 403];
/** Incompatible with an earlier version; no valid schema. */
const NOT_TAKEN: readonly number[] = [409, 422];

const isConflict = (error: unknown) => error instanceof RegistryRefused && error.status === 409;

const compatibility = COMPATIBILITY.FULL_TRANSITIVE;
const schemaAnswer = z.object({ schema: z.string() });

/** Finds the API under the given address. Rejects with RegistryUnreachable. */
export async function connectRegistry(options: RegistryOptions): Promise<Registry> {
  const given = options.url.replace(/\/+$/, '');
  for (const url of [given, given + APICURIO_PATH]) {
    const client = createRegistryClient(url, options);
    if (await speaksConfluent(url, client)) return createRegistry(url, client);
  }
  throw new RegistryUnreachable(given, 'what answers there does not speak the Confluent registry API');
}

async function speaksConfluent(url: string, { api }: RegistryClient): Promise<boolean> {
  try {
    return Array.isArray((await api.Subject.all()).data<unknown>());
  } catch (error) {
    if (!(error instanceof RegistryRefused)) throw error;
    if (UNAUTHORIZED.includes(error.status))
      throw new RegistryUnreachable(url, `it refuses this user (HTTP ${error.status})`, { cause: error });
    return false;
  }
}

function createRegistry(url: string, { registry, api }: RegistryClient): Registry {
  const lookUp = async (subject: string, schema: string): Promise<number | null> => {
    try {
      return await registry.getRegistryIdBySchema(subject, { type: SchemaType.AVRO, schema });
    } catch (error) {
      // The library's way to say 404; every other failure is one of ours.
      if (error instanceof ConfluentSchemaRegistryError) return null;
      throw error;
    }
  };

  /**
   * Set before the first version: register() refuses a subject of another compatibility, and it would take that version
   * under the registry's default before it sets any. The library has the request, but no method for it.
   */
  const setCompatibility = async (subject: string): Promise<void> => {
    const set = () => api.Subject.updateConfig({ subject, body: { compatibility } });
    try {
      await set();
    } catch (error) {
      if (!isConflict(error)) throw error;
      await set(); // Of two that create the setting at once Apicurio refuses one; now it exists, and is only changed.
    }
  };

  return {
    url,
    async register(subject, schema) {
      const known = await lookUp(subject, schema);
      if (known !== null) return known;
      await setCompatibility(subject);
      try {
        return (await registry.register({ type: SchemaType.AVRO, schema }, { subject, compatibility })).id;
      } catch (error) {
        if (!(error instanceof RegistryRefused) || !NOT_TAKEN.includes(error.status)) throw error;
        // Two processes that start together: the other one's registration of the same schema may be the conflict.
        const registeredMeanwhile = await lookUp(subject, schema);
        if (registeredMeanwhile !== null) return registeredMeanwhile;
        throw new SchemaIncompatible(subject, error.reason);
      }
    },
    /** The text and not the library's compiled schema: the codec resolves from it to this build's own. */
    async schemaById(id) {
      try {
        const answer = schemaAnswer.safeParse((await api.Schema.find({ id })).data<unknown>());
        if (!answer.success)
          throw new RegistryUnreachable(url, `its answer has no text of schema ${id}`, { cause: answer.error });
        return answer.data.schema;
      } catch (error) {
        if (error instanceof RegistryRefused && error.status === 404) throw new SchemaUnknown(id);
        throw error;
      }
    },
  };
}
