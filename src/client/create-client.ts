import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { z } from 'zod';
import { checkedOptions } from '../agent/checked-options.js';
import { createRoster, loadRoster, type Roster } from '../agent/roster.js';
import type { AgentSpec } from '../domain/agent-spec.js';
import type { AgentEvent } from '../domain/events.js';
import type { MissionReport } from '../domain/report.js';
import { createTopicNames } from '../domain/topic-names.js';
import type { Log } from '../ports/log.js';
import { silentLogger, type Logger } from '../ports/logger.js';
import { createSystemClock, createSystemIds } from '../telemetry/system-clock.js';
import { TOOL_DEFINITIONS } from '../tools/definitions.js';
import { askProcesses, type StatusReport } from './ask-processes.js';
import type { ClientContext } from './context.js';
import { answer, appendDecision, approve, cancel, reject, requireText, type Decide } from './decisions.js';
import { missionOf, type MissionDefinition } from './mission-definition.js';
import { createMissionFeed, type MissionFeed } from './mission-feed.js';
import { requireMission } from './require-mission.js';
import { submitMission, withWorkspace, type SubmittedMission } from './submit.js';

/** A Swarm of this process is such options, too. */
export interface ClientOptions {
  /** The log of the swarm. The client does not close it. */
  readonly log: Log;
  /** The swarm's agents, or their directory: missions are checked against them. */
  readonly agents: string | readonly AgentSpec[];
  /** Where the workers' workspaces lie, at the same path here. */
  readonly workspaceRoot: string;
  /** The same as the swarm's. Default ravenhelm.squad. */
  readonly prefix?: string;
  /** Who asks, as the events say it. Default HOST. */
  readonly requester?: string;
  /** Default: nothing is logged. */
  readonly logger?: Logger;
  /** Ends everything that the client waits for. */
  readonly signal?: AbortSignal;
}

export interface SubmitOptions {
  /** The mission's own directory, instead of one below the workspaces' root. */
  readonly workspace?: string;
}

export interface FollowOptions {
  /** After each event of the mission, with the report as it is then. */
  readonly onEvent?: (event: AgentEvent, report: MissionReport) => void;
  /** Ends waiting; the mission continues. */
  readonly signal?: AbortSignal;
}

export interface Client extends AsyncDisposable {
  /** Submits a mission: a file's path, or an object. Rejects with ConfigError. */
  submit(mission: string | MissionDefinition, options?: SubmitOptions): Promise<SubmittedMission>;
  /** Resolves with the report when the mission has ended, whatever its status. */
  follow(missionId: string, options?: FollowOptions): Promise<MissionReport>;
  /** submit and follow. */
  run(mission: string | MissionDefinition, options?: SubmitOptions & FollowOptions): Promise<MissionReport>;
  /** Rejects with ClientError for an unknown mission. */
  report(missionId: string): Promise<MissionReport>;
  /** Every mission of the log, oldest first. */
  reports(): Promise<readonly MissionReport[]>;
  approve(missionId: string): Promise<void>;
  reject(missionId: string, reason: string): Promise<void>;
  answer(missionId: string, text: string): Promise<void>;
  cancel(missionId: string, reason: string): Promise<void>;
  /** The processes that answer within timeoutMs (default 2000), with what they hold and run. */
  processes(options?: { readonly timeoutMs?: number }): Promise<readonly StatusReport[]>;
  /** Stops reading. May be called twice. */
  close(): Promise<void>;
}

/** A client of a running swarm. Opens nothing before it is used. Throws OptionError. */
export function createClient(options: ClientOptions): Client {
  const { prefix, requester } = checkedOptions(OPTIONS, options, 'createClient');
  const { log, logger = silentLogger, signal = new AbortController().signal } = options;
  const context: ClientContext = {
    clock: createSystemClock(),
    ids: createSystemIds(),
    random: Math.random,
    logger,
    topics: createTopicNames(prefix),
    signal,
    requester: requester ?? hostname(),
  };
  return clientOf(context, { log, agents: options.agents, workspaceRoot: resolve(options.workspaceRoot) });
}

interface ClientFacts {
  readonly log: Log;
  readonly agents: ClientOptions['agents'];
  readonly workspaceRoot: string;
}

function clientOf(context: ClientContext, { log, agents, workspaceRoot }: ClientFacts): Client {
  const opened = openedOnce(context, log);
  let roster: Promise<Roster> | null = null;
  const current = async (): Promise<MissionFeed> => {
    const feed = await opened.feed();
    await feed.caughtUp;
    return feed;
  };
  const reportOf = (feed: MissionFeed, missionId: string): MissionReport => {
    const { id } = requireMission(feed, missionId);
    const report = feed.view.report(id);
    if (report === null) throw new TypeError(`the mission ${id} has no report`);
    return withWorkspace(workspaceRoot, report);
  };
  const decide = async (missionId: string, decision: Decide): Promise<void> =>
    appendDecision(context, log, decision(context, requireMission(await current(), missionId)));
  const submit: Client['submit'] = async (mission, { workspace } = {}) =>
    submitMission(context, log, {
      mission: await missionOf(mission, await (roster ??= rosterOf(agents))),
      workspaceRoot,
      workspace: workspace === undefined ? null : resolve(workspace),
    });
  const follow: Client['follow'] = async (missionId, options = {}) =>
    withWorkspace(workspaceRoot, await followOn(await opened.feed(), context, missionId, options));
  return {
    submit,
    follow,
    async run(mission, options = {}) {
      await opened.feed(); // its first events are seen, too
      return follow((await submit(mission, options)).missionId, options);
    },
    report: async (missionId) => reportOf(await current(), missionId),
    async reports() {
      const feed = await current();
      return feed.view.missions().map((missionId) => reportOf(feed, missionId));
    },
    approve: (missionId) => decide(missionId, approve),
    reject: (missionId, reason) => decide(missionId, reject(reason)),
    async answer(missionId, text) {
      requireText(text);
      await decide(missionId, answer(text));
    },
    cancel: (missionId, reason) => decide(missionId, cancel(reason)),
    processes: ({ timeoutMs = PROCESSES_MS } = {}) =>
      askProcesses(context, opened.session, {
        firstMs: timeoutMs,
        quietMs: Math.min(timeoutMs, QUIET_MS),
        isEnough: () => false,
      }),
    close: opened.close,
    [Symbol.asyncDispose]: opened.close,
  };
}

const PROCESSES_MS = 2_000;
const QUIET_MS = 700;

/** The one feed of a client, and what is stopped when it closes. */
function openedOnce({ topics }: ClientContext, log: Log) {
  const releases: (() => Promise<void>)[] = [];
  let feed: Promise<MissionFeed> | null = null;
  const open = async (): Promise<MissionFeed> => {
    const made = await createMissionFeed({ log, topic: topics.coordination });
    releases.push(() => made.stop());
    return made;
  };
  return {
    feed: () => (feed ??= open()),
    session: { log, onEnd: (_name: string, release: () => Promise<void>) => void releases.push(release) },
    async close(): Promise<void> {
      for (let release = releases.pop(); release !== undefined; release = releases.pop()) await release();
    },
  };
}

async function followOn(
  feed: MissionFeed,
  context: ClientContext,
  missionId: string,
  { onEvent, signal }: FollowOptions,
): Promise<MissionReport> {
  const unsubscribe = feed.subscribe((change) => {
    const report = change.missionId === missionId ? feed.view.report(missionId) : null;
    if (report !== null) onEvent?.(change.event, report);
  });
  try {
    return await feed.ended(
      missionId,
      signal === undefined ? context.signal : AbortSignal.any([signal, context.signal]),
    );
  } finally {
    unsubscribe();
  }
}

function rosterOf(agents: ClientOptions['agents']): Promise<Roster> {
  if (typeof agents !== 'string') return Promise.resolve(createRoster(agents));
  return loadRoster(resolve(agents), {
    tools: TOOL_DEFINITIONS.map((tool) => tool.name),
    setting: 'the option agents',
  });
}

const text = z.string('it must be a text').min(1, 'it must not be empty');
const OPTIONS = z.strictObject({
  log: z.custom<Log>(
    (value) => typeof value === 'object' && value !== null && 'joinGroup' in value,
    'it must be memoryLog() or await kafkaLog(…)',
  ),
  agents: z.union([text, z.array(z.custom<AgentSpec>()).min(1)], 'it must be a directory or agents of defineAgent'),
  workspaceRoot: text,
  prefix: text.default(createTopicNames().prefix),
  requester: text.optional(),
  logger: z.custom<Logger>().optional(),
  signal: z.custom<AbortSignal>().optional(),
  // What a Swarm has besides.
  failed: z.custom<unknown>().optional(),
  close: z.custom<unknown>().optional(),
});
