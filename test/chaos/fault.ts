/** What a fault is, and what it can reach. */
import type { TopicNames } from '../../src/domain/topic-names.js';
import type { Random } from '../simulation/random.js';
import type { RunCommand } from './client.js';
import type { Cluster } from './cluster.js';
import type { Fleet } from './fleet.js';
import type { ModelServer } from './models.js';
import type { Observer } from './observer.js';
import type { ProbeWriter } from './probe-writer.js';
import type { Site } from './site.js';
import type { Workload } from './workload.js';

export interface World {
  readonly site: Site;
  readonly random: Random;
  readonly cluster: Cluster;
  readonly fleet: Fleet;
  readonly models: ModelServer;
  readonly observer: Observer;
  readonly workload: Workload;
  readonly probe: ProbeWriter;
  readonly topics: TopicNames;
  readonly run: RunCommand;
  readonly sessionTimeoutMs: number;
}

export interface Fault {
  readonly name: string;
  /** What it does, for --list and the table's legend. */
  readonly what: string;
  /** How the swarm recovers. */
  readonly recovery: string;
  /** What it must have for itself; two faults with the same word never meet. `everything`: it meets no other fault. */
  readonly takes:
    | 'workers'
    | 'orchestrators'
    | 'brokers'
    | 'network'
    | 'registry'
    | 'models'
    | 'clocks'
    | 'topics'
    | 'disk'
    | 'everything';
  /** How often it strikes for each time that the others do; absent: once. */
  readonly turns?: number;
  /** Why it is not available on this computer; null if it is. */
  readonly impossible?: () => Promise<string | null>;
  /** Applies the fault, holds it, and ends it. Rejects with PromiseBroken if the swarm broke a promise. */
  strike(world: World): Promise<void>;
}

/** The swarm did something that the fault's own check does not allow. */
export class PromiseBroken extends Error {
  readonly code = 'promise_broken';
}
