/** Removal of a swarm from a Kafka cluster. */

export interface GroupMember {
  readonly group: string;
  /** As it calls itself, such as ravenhelm-host-123. */
  readonly client: string;
  readonly host: string;
}

export interface SwarmRemains {
  readonly topics: readonly string[];
  readonly groups: readonly string[];
  /** Who is in the groups now. */
  readonly members: readonly GroupMember[];
  /** Topics that could be this swarm's by name, and are another one's. */
  readonly left: readonly string[];
  /** Prefixes of the other swarms on these brokers. */
  readonly others: readonly string[];
}

/** The subjects of this build's events in a schema registry: each swarm that uses the registry needs them. */
export interface RegistrySubjects {
  find(): Promise<readonly string[]>;
  /** Removes exactly these, as registries do without being asked for more: their ids stay readable (soft delete). */
  remove(subjects: readonly string[], onRemoved: (subject: string) => void): Promise<void>;
}

/** Each call rejects with NotAuthorized, which names the right, where this user may not see or remove something. */
export interface SwarmPurge {
  find(): Promise<SwarmRemains>;
  /** Removes exactly these; calls back after each. May be called again after a failure. */
  remove(remains: Pick<SwarmRemains, 'topics' | 'groups'>, onRemoved: (name: string) => void): Promise<void>;
  close(): Promise<void>;
}
