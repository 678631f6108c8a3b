import { describeError } from '../domain/describe-error.js';

/** The schema registry did not answer, or not like a registry. */
export class RegistryUnreachable extends Error {
  /** registry_refused: only a person can change that. */
  readonly code: 'registry_unreachable' | 'registry_refused';
  readonly retriable: boolean;
  readonly nextStep: string;

  constructor(
    readonly url: string,
    reason: string,
    {
      opening = `No schema registry at ${url}`,
      nextStep = 'Look at the registry, or correct SCHEMA_REGISTRY_URL',
      isFinal = false,
      ...options
    }: {
      readonly cause?: unknown;
      readonly opening?: string;
      readonly nextStep?: string;
      /** The same request can never succeed. */
      readonly isFinal?: boolean;
    } = {},
  ) {
    super(`${opening}: ${reason}. ${nextStep}`, options);
    this.name = 'RegistryUnreachable';
    this.nextStep = nextStep;
    this.code = isFinal ? 'registry_refused' : 'registry_unreachable';
    this.retriable = !isFinal;
  }
}

/** The registry refuses a schema of this build: other builds could not read records written with it. */
export class SchemaIncompatible extends Error {
  readonly code = 'schema_incompatible';
  readonly retriable = false;

  constructor(
    readonly subject: string,
    readonly registryReason: string,
  ) {
    super(
      `The registry refuses this build's schema of ${subject}: ${registryReason}. ` +
        'Only optional fields (with a default) may be added to an event; undo the change, or create a new event type',
    );
    this.name = 'SchemaIncompatible';
  }
}

/** The registry has no schema of this id (yet). */
export class SchemaUnknown extends Error {
  readonly code = 'schema_unknown';
  readonly retriable = true;

  constructor(readonly schemaId: number) {
    super(
      `The schema registry does not know schema id ${schemaId}; ` +
        'check that SCHEMA_REGISTRY_URL is the registry that the writer of the record uses',
    );
    this.name = 'SchemaUnknown';
  }
}

/** A file in schemas/ is not the schema of an event. */
export class SchemaInvalid extends Error {
  readonly code = 'schema_invalid';
  readonly retriable = false;

  constructor(
    readonly file: string,
    reason: string,
  ) {
    super(`${file}: ${reason}`);
    this.name = 'SchemaInvalid';
  }
}

/** topics.yaml cannot be used. */
export class TopicPlanInvalid extends Error {
  readonly code = 'topic_plan_invalid';
  readonly retriable = false;

  /** Each problem names file, line and field. */
  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'TopicPlanInvalid';
  }
}

/** Why a schema is unavailable. It names the registry, because a cause such as "socket hang up" alone does not help. */
export function describeSchemaFailure(error: unknown): string {
  return error instanceof RegistryUnreachable || error instanceof SchemaUnknown ? error.message : describeError(error);
}
