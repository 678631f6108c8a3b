import { join, resolve } from 'node:path';

import type { Clock, Ids } from '../ports/clock.js';

/** Where a stack lies and which ports it uses. Two places with different ports and dataDir know nothing of each other. */
export interface StackPlace {
  /** The clone that the stack belongs to; absolute. */
  readonly cloneDir: string;
  /** Data, logs, pids and the start lock; absolute. */
  readonly dataDir: string;
  /** What `npm run setup` had Maven fetch: kafka/*.jar and registry/. */
  readonly jarsDir: string;
  /** All on the loopback address. */
  readonly ports: StackPorts;
}

export interface StackPorts {
  readonly broker: number;
  /** Of the Java stack's KRaft controller; Redpanda needs none. */
  readonly controller: number;
  readonly registry: number;
}

const DEFAULT_PORTS: StackPorts = { broker: 19092, controller: 19093, registry: 18081 };

/** The one development stack of a clone. */
export function developmentPlace(cloneDir: string): StackPlace {
  const clone = resolve(cloneDir); // no slash at the end: the name stands on the processes' command lines
  return {
    cloneDir: clone,
    dataDir: join(clone, '.ravenhelm/stack'),
    jarsDir: join(clone, '.ravenhelm/jars'),
    ports: DEFAULT_PORTS,
  };
}

/** What this layer needs of the world. */
export interface StackWorld {
  /** The environment that docker and java are found in and started with (PATH, JAVA_HOME, DOCKER_HOST). */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly ids: Ids;
  /** The cluster's id when a broker answers and takes work; null when it does not (yet). Never rejects. */
  askBroker(brokers: readonly string[]): Promise<string | null>;
}

export function brokersOf(place: StackPlace): readonly string[] {
  return [`localhost:${place.ports.broker}`];
}

/** Address of the registry's Confluent API. */
export function registryUrlOf(place: StackPlace, kind: 'docker' | 'java'): string {
  const origin = `http://localhost:${place.ports.registry}`;
  return kind === 'docker' ? origin : `${origin}/apis/ccompat/v7`;
}
