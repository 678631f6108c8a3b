import { COMPATIBILITY, SchemaType } from '@kafkajs/confluent-schema-registry';
import { ConfluentSchemaRegistryError } from '@kafkajs/confluent-schema-registry/dist/errors.js';
import { z } from 'zod';
import { RegistryUnreachable, SchemaIncompatible, SchemaUnknown } from './errors.js';
import { createRegistryClient, type RegistryClient, type RegistryClientOptions } from './registry-client.js';
import { RegistryRefused } from './registry-refusal.js';

/** A schema registry with the Confluent API (Confluent, Redpanda, Apicurio's ccompat). */
export interface Registry {
  /** The address of the API. */
  readonly url: string;
  /**
   * Registers a schema under FULL_TRANSITIVE and resolves with its id; the same text gives the same id. Rejects with
   * SchemaIncompatible or RegistryUnreachable.
   */
  register(subject: string, schema: string): Promise<number>;
  /** The JSON text of a schema. Rejects with SchemaUnknown or RegistryUnreachable. */
  schemaById(id: number): Promise<string>;
}

export interface RegistryOptions extends RegistryClientOptions {
  /** http(s)://host:port, or the API's own address, such as http://host:port/apis/ccompat/v7. */
  readonly url: string;
}

/** The path of the Confluent API in Apicurio; Confluent and Redpanda serve it at the root. */
const APICURIO_PATH = '/apis/ccompat/v7';
/** Incompatible with an earlier version; invalid schema. */
const NOT_TAKEN: readonly number[] = [409, 422];

const isConflict = (error: unknown) => error instanceof RegistryRefused && error.status === 409 && !error.isReadOnly;

const compatibility = COMPATIBILITY.FULL_TRANSITIVE;
const schemaAnswer = z.object({ schema: z.string() });

/** Finds the API under the given address. Rejects with RegistryUnreachable. */
export async function connectRegistry(options: RegistryOptions): Promise<Registry> {
  const given = options.url.replace(/\/+$/, '');
  for (const url of [given, given + APICURIO_PATH]) {
    const client = createRegistryClient(url, options);
    if (await speaksConfluent(url, client)) return createRegistry(url, client);
  }
  throw new RegistryUnreachable(given, 'the server does not speak the Confluent registry API', {
    nextStep: 'Correct SCHEMA_REGISTRY_URL',
    isFinal: true,
  });
}

async function speaksConfluent(url: string, { api }: RegistryClient): Promise<boolean> {
  try {
    return Array.isArray((await api.Subject.all()).data<unknown>());
  } catch (error) {
    if (!(error instanceof RegistryRefused)) throw error;
    // Who may not list subjects may still be allowed to read and register them.
    if (error.status === 403) return true;
    if (error.status === 401 || error.mayPass) throw error;
    return false;
  }
}

function createRegistry(url: string, { registry, api }: RegistryClient): Registry {
  const lookUp = async (subject: string, schema: string): Promise<number | null> => {
    try {
      return await registry.getRegistryIdBySchema(subject, { type: SchemaType.AVRO, schema });
    } catch (error) {
      // The library throws this for 404; all other failures are errors of registry-client.ts.
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
      await set(); // Apicurio refuses one of two concurrent creations; the setting exists now and is only updated.
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
        if (!(error instanceof RegistryRefused) || error.isReadOnly || !NOT_TAKEN.includes(error.status)) throw error;
        // Another process that starts at the same time may have registered the same schema.
        const registeredMeanwhile = await lookUp(subject, schema);
        if (registeredMeanwhile !== null) return registeredMeanwhile;
        throw new SchemaIncompatible(subject, error.reason);
      }
    },
    /** The text, not the library's compiled schema: the codec resolves from it to this build's schema. */
    async schemaById(id) {
      try {
        const answer = schemaAnswer.safeParse((await api.Schema.find({ id })).data<unknown>());
        if (!answer.success)
          throw new RegistryUnreachable(url, `its answer lacks the text of schema ${id}`, { cause: answer.error });
        return answer.data.schema;
      } catch (error) {
        if (error instanceof RegistryRefused && error.status === 404) throw new SchemaUnknown(id);
        throw error;
      }
    },
  };
}
