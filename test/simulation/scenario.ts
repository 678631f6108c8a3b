/** What a seed's swarm looks like: its agents, processes, pace and missions. */
import type { AgentSpec } from '../../src/domain/agent-spec.js';
import type { PayloadOf } from '../../src/domain/events.js';
import { orderPlan } from '../../src/domain/plan-order.js';
import type { PlanScope } from '../../src/domain/plan.js';
import { SNAPSHOTS } from '../../src/domain/requirements.js';
import type { Faults } from './faults.js';
import { largeWavePlan } from './large-wave.js';
import type { Random } from './random.js';
import { COMMAND, READ } from './sim-tools.js';
import { textHash } from './text-hash.js';

export interface Scenario {
  readonly roster: readonly AgentSpec[];
  readonly workers: number;
  readonly orchestrators: number;
  readonly coordinationPartitions: number;
  readonly taskPartitions: number;
  /** Names of each agent's models; playbook is the real one. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  readonly missions: number;
  /** Tasks in one wave of the first mission; null: as many as there are agents. */
  readonly largeWave: number | null;
  /** Faults end this long after the start; in milliseconds. */
  readonly faultsEndMs: number;
  /** Between faults that hit processes and partitions. */
  readonly faultEveryMs: number;
  readonly commitMs: number;
  readonly heartbeatMs: number;
  /** Between passes that delete old records, and how long those are kept. */
  readonly retentionMs: number;
  readonly keepMs: number;
  /** Tokens that the swarm may spend in a day; null: any number. */
  readonly dailyTokens: number | null;
}

export function createScenario(random: Random, faults: Faults, largeWave: number | null): Scenario {
  const roster = [
    agent(random, 'cert_agent', []),
    agent(random, 'proxy_agent', ['cert_agent']),
    agent(random, 'env_agent', []),
  ].slice(0, random.between(1, 3));
  const chains = new Map(
    roster.map((spec) => [
      spec.name,
      random.pick([['playbook'], ['playbook', 'sim:small'], ['sim:small'], ['sim:small', 'sim:large']]),
    ]),
  );
  // Hours cost simulated heartbeats: a swarm that is to see them has a slower pulse.
  const slow = faults.on('zombie') || faults.on('duplicate') || faults.on('fail');
  const faultsEndMs = random.pick([60_000, 180_000, 400_000]);
  return {
    roster,
    chains,
    largeWave,
    faultsEndMs,
    workers: random.between(1, 3),
    orchestrators: random.between(1, 2),
    coordinationPartitions: random.between(1, 2),
    taskPartitions: random.between(1, 2),
    missions: random.between(1, 4),
    faultEveryMs: random.pick([2_000, 10_000, 40_000]),
    // Between two faults there are commits, or none: more of them in a longer run show nothing else.
    commitMs: slow ? 15_000 : random.pick([faultsEndMs / 400, 1_000, 5_000]),
    heartbeatMs: slow ? 600_000 : 30_000,
    retentionMs: slow ? 100_000 : 20_000,
    keepMs: random.pick([0, 20_000]),
    dailyTokens: null,
  };
}

/** @param random a separate stream */
export const withCap = (scenario: Scenario, faults: Faults, random: Random): Scenario =>
  faults.on('cap') ? { ...scenario, dailyTokens: random.pick([1, 2_000, 8_000]) } : scenario;

/** Of the seeds. */
const NETWORK_SHARE = 0.3;
const NETWORK = { network: [{ host: 'registry.example', port: 443, addresses: [] }] };

/** In some seeds one agent reaches the network. @param random a separate stream */
export function withNetwork(scenario: Scenario, random: Random): Scenario {
  if (!random.chance(NETWORK_SHARE)) return scenario;
  const at = random.below(scenario.roster.length);
  return { ...scenario, roster: scenario.roster.map((spec, index) => (index === at ? { ...spec, ...NETWORK } : spec)) };
}

export const reachesNetwork = ({ network = [] }: AgentSpec): boolean => network.length > 0;

/** Of an agent's file, unless it is changed (revisions.ts). */
const REVISION = 'revision 1';

function agent(random: Random, name: string, dependsOn: readonly string[]): AgentSpec {
  const guarded = random.chance(0.5);
  const steps = [1, 2, 3].slice(0, random.between(1, 3)).map((n) => ({
    name: `step ${n}`,
    command: `${name} step ${n}`,
    unless: guarded ? `${name} step ${n} is done` : null,
  }));
  return {
    name,
    digest: REVISION,
    dependsOn,
    description: `${name} does its work`,
    phase: 1,
    tools: [COMMAND, READ],
    models: null,
    concurrency: random.between(1, 2),
    timeoutSeconds: random.pick([20, 60, 300]),
    maxSteps: random.pick([6, 20]),
    prompt: `You are ${name}.`,
    playbooks: {
      work: { name: 'work', steps, acceptance: random.chance(0.7) ? [{ name: 'done', command: `${name} check` }] : [] },
    },
  };
}

export function createRequest(
  random: Random,
  faults: Faults,
  { roster }: Scenario,
  missionId: string,
  /** Tasks in one wave; null: an ordinary plan, or none. */
  largeWave: number | null,
): PayloadOf<'mission_requested'> {
  const agents = roster.map((spec) => spec.name).filter(() => random.chance(0.8));
  if (agents.length === 0) agents.push(...roster.slice(0, 1).map((spec) => spec.name));
  const tight = random.chance(0.5);
  const request: PayloadOf<'mission_requested'> = {
    mission_id: missionId,
    name: 'simulated',
    brief: 'Do the work.',
    retries: random.below(3),
    agents,
    workspace: null,
    workspace_marker: 'marker',
    requested_by: 'person',
    requires: textHash(missionId) % 2 === 0 ? [SNAPSHOTS] : [],
    workspace_of: null,
    continues: null,
    limits: {},
    brief_trusted: true,
    workspace_trusted: false,
    inputs: [],
    approval: faults.on('approval') ? random.pick(['none', 'monitoring', 'approval'] as const) : 'none',
    on_failure: faults.on('approval') ? random.pick(['fail', 'ask'] as const) : 'fail',
    budget: {
      usd: tight && random.chance(0.3) ? random.next() * 0.5 : null,
      tokens: tight ? random.between(0, random.pick([8_000, 60_000])) : null,
      minutes: random.chance(0.1) ? 5 : null,
    },
    success: random.chance(0.5) ? [{ name: 'whole', command: 'check all' }] : [],
    ...planning(random, missionId, { roster, agents, done: [] }),
    signed: null,
  };
  if (largeWave === null) return request;
  // Not ended by its budget after three of its tasks.
  const budget = { usd: null, tokens: null, minutes: null };
  return { ...request, budget, plan: largeWavePlan({ roster, agents, done: [] }, largeWave) };
}

/** A plan, the declared order, or, for every fifth mission without a plan, a planner model that reads the brief. */
function planning(
  random: Random,
  missionId: string,
  scope: PlanScope,
): Pick<PayloadOf<'mission_requested'>, 'plan' | 'planner'> {
  if (random.chance(0.5)) return { plan: orderPlan(scope), planner: null };
  return { plan: null, planner: (missionId.codePointAt(missionId.length - 1) ?? 0) % 5 === 0 ? null : 'order' };
}
