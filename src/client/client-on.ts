import { OptionError } from '../agent/checked-options.js';
import { parseTraceparent } from '../domain/trace-context.js';
import { resolve } from 'node:path';
import { z } from 'zod';
import { checkedOptions, optionIn } from '../agent/checked-options.js';
import type { Roster } from '../agent/roster.js';
import { orAborted } from '../domain/deferred.js';
import { reportMission } from '../domain/mission-report.js';
import type { MissionReport, WaitingCallReport } from '../domain/report.js';
import { createCleanup } from '../ports/cleanup.js';
import type { Log } from '../ports/log.js';
import { artifactsOf, copyArtifacts, type CopiedArtifact } from './artifacts.js';
import { readAttempts } from './attempts.js';
import { askProcesses } from './ask-processes.js';
import { answerCall, requireWaitingCall, waitingCalls, type CallAnswer } from './approvals.js';
import type { Approvals, Client, DeadLetters, FollowOptions } from './client.js';
import { createClosing, type Closing } from './closing.js';
import type { ClientContext } from './context.js';
import { withContinuedBy } from './continued-by.js';
import { deadLetterDetailsOf, deadLetterOf } from './dead-letter.js';
import { answer, approve, cancel, decideFor, reject, requireText, type Decide } from './decisions.js';
import { discardLetters } from './discard.js';
import { openLetterBox, type LetterBox } from './letter-box.js';
import { missionOf } from './mission-definition.js';
import type { MissionFeed } from './mission-feed.js';
import { recoverPartitions } from './recover.js';
import { redriveLetters } from './redrive.js';
import { readOpenMissions } from './mission-reader.js';
import { createOneMission, type OneMission } from './one-mission.js';
import { carriedInputs, inputsWithoutEdit, retryMission } from './retry.js';
import { RELEASE_MS, withSession } from './session.js';
import { createSharedFeed, type SharedFeed } from './shared-feed.js';
import { redactPatterns } from '../domain/secret-patterns.js';
import { diffMission, planMissionRestore } from './snapshots.js';
import { pause, resume, setBudget, steer } from './steering.js';
import { submitMission, withWorkspace } from './submit.js';

export interface ClientFacts {
  /** The client does not close it. */
  readonly log: Log;
  /** Read when it is needed, once. */
  roster(): Promise<Roster>;
  /** Absolute. */
  readonly workspaceRoot: string;
  /** Token of the workers' HTTP endpoints, with which requests are signed; absent: they are not. */
  readonly httpToken?: string;
}

/** A client with time, ids and signal from its caller. Opens nothing before it is used. */
export function createClientOn(given: ClientContext, facts: ClientFacts): Client {
  const { log, workspaceRoot, roster } = facts;
  const closing = createClosing();
  const { whileOpen } = closing;
  const context = { ...given, signal: AbortSignal.any([given.signal, closing.signal]) };
  const cleanup = createCleanup(context);
  const close = () => {
    closing.close();
    return cleanup.all(RELEASE_MS);
  };
  const feed = createSharedFeed(context, log, (opened) => {
    cleanup.add('feed', () => opened.stop());
    if (closing.signal.aborted) void close(); // it was being opened when the client was closed
  });
  const missions = createOneMission(context, log, feed, cleanup);
  const reading = { feed, missions, workspaceRoot, closing };
  const decide = (wanted: string, decision: Decide): Promise<void> =>
    missions.with(wanted, async (opened) => void (await decideFor(context, log, { ...opened, decision })));
  const submit: Client['submit'] = async (mission, { workspace, inputs, traceparent } = {}) =>
    submitMission({ ...context, ...tracedBy(traceparent) }, log, {
      mission: await missionOf(mission, await roster(), { inputs, redact: context.redact }),
      workspaceRoot,
      workspace: workspace === undefined ? null : resolve(workspace),
    });
  const follow: Client['follow'] = async (missionId, options = {}) =>
    withWorkspace(workspaceRoot, await followOn(await feed.open(), context, missionId, options));
  return {
    submit: whileOpen(submit),
    retry: whileOpen(retryOn(context, { log, workspaceRoot, roster }, missions)),
    follow: whileOpen(follow),
    run: whileOpen(async (mission, options = {}) => {
      await feed.open(); // its first events are seen, too
      return follow((await submit(mission, options)).missionId, options);
    }),
    ...{ ...readingOn(context, log, reading), ...snapshotsOn(context, reading) },
    ...artifactsOn(context, facts, missions, closing),
    approve: whileOpen((missionId) => decide(missionId, approve())),
    reject: whileOpen((missionId, reason) => decide(missionId, reject(reason))),
    answer: whileOpen(async (missionId, text) => {
      requireText(text);
      await decide(missionId, answer(text));
    }),
    cancel: whileOpen((missionId, reason) => decide(missionId, cancel(reason))),
    ...steeringOn(context, log, missions, closing),
    processes: whileOpen((options) => processesOf(context, log, options)),
    approvals: approvalsOn(context, log, missions, closing),
    deadLetters: deadLettersOn(context, log, feed, closing),
    recover: whileOpen((options) =>
      withSession(context, log, async (session) =>
        recoverPartitions({ context, session, agents: (await roster()).names, openFeed: feed.current }, options),
      ),
    ),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** @throws OptionError for one that is none */
function tracedBy(traceparent: string | undefined): Pick<ClientContext, 'caller'> {
  if (traceparent === undefined) return {};
  const caller = parseTraceparent(traceparent);
  if (caller === null)
    throw new OptionError(
      'submit: traceparent',
      'it must be a W3C traceparent',
      'Give one such as 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01, or leave it out.',
    );
  return { caller };
}

function retryOn(
  context: ClientContext,
  { log, workspaceRoot, roster }: ClientFacts,
  missions: OneMission,
): Client['retry'] {
  return async (missionId, { tasks = [], edit, inputs } = {}) => {
    if (edit === undefined && inputs !== undefined) throw inputsWithoutEdit(missionId);
    return missions.withRead(missionId, async (opened) => {
      const given = { inputs, carried: carriedInputs(opened.mission), redact: context.redact };
      const edited = edit === undefined ? null : await missionOf(edit, await roster(), given);
      await orAborted(opened.feed.caughtUp, context.signal);
      return (await retryMission(context, log, opened, { tasks, edited, workspaceRoot, roster })).retried;
    });
  };
}

interface Reading {
  readonly feed: SharedFeed;
  readonly missions: OneMission;
  readonly workspaceRoot: string;
  readonly closing: Closing;
}

function steeringOn(
  context: ClientContext,
  log: Log,
  missions: OneMission,
  { whileOpen }: Closing,
): Pick<Client, 'pause' | 'resume' | 'setBudget'> {
  const ask = (wanted: string, decision: Decide): Promise<void> =>
    missions.with(wanted, async (opened) => void (await steer(context, log, { ...opened, decision })));
  return {
    pause: whileOpen((missionId, reason) => ask(missionId, pause(reason))),
    resume: whileOpen((missionId) => ask(missionId, resume)),
    setBudget: whileOpen((missionId, limits) => ask(missionId, setBudget(limits))),
  };
}

const WAVE_OPTIONS = z.strictObject({ wave: optionIn('diff --wave').optional(), patch: z.boolean().default(false) });
const RESTORE_OPTIONS = z.strictObject({ wave: optionIn('restore --wave'), dryRun: z.boolean().default(false) });

function snapshotsOn(
  context: ClientContext,
  { missions, workspaceRoot, closing: { whileOpen } }: Omit<Reading, 'feed'>,
): Pick<Client, 'diff' | 'restore'> {
  return {
    diff: whileOpen(async (wanted, options = {}) => {
      const { wave = null, patch: wantsPatch } = checkedOptions(WAVE_OPTIONS, options, 'diff');
      return missions.with(wanted, async ({ mission }) => {
        const { redact = redactPatterns, signal } = context;
        const { patch, ...diff } = await diffMission(mission, workspaceRoot, { wave, redact, signal });
        if (!wantsPatch) return { ...diff, patch: null };
        let text = '';
        for await (const part of patch(context.signal)) text += part;
        return { ...diff, patch: text };
      });
    }),
    restore: whileOpen(async (wanted, options) => {
      const { wave, dryRun } = checkedOptions(RESTORE_OPTIONS, options, 'restore');
      return missions.withRead(wanted, async ({ mission }, reader) => {
        // Read each time: the shared feed may not have read yet what was submitted a moment ago.
        const open = () => readOpenMissions(reader);
        const { carryOut, ...planned } = await planMissionRestore(mission, open, workspaceRoot, wave, context.signal);
        return dryRun ? planned : carryOut(context.signal);
      });
    }),
  };
}

const COPY_OPTIONS = z.strictObject({ to: z.string().min(1), force: z.boolean().default(false) });

function artifactsOn(
  context: ClientContext,
  { log, workspaceRoot, httpToken }: ClientFacts,
  missions: OneMission,
  { whileOpen }: Closing,
): Pick<Client, 'artifacts' | 'copyArtifacts'> {
  return {
    artifacts: whileOpen((wanted) => missions.with(wanted, async ({ mission }) => artifactsOf(mission))),
    copyArtifacts: whileOpen(async (wanted, options) => {
      const { to, force } = checkedOptions(COPY_OPTIONS, options, 'copyArtifacts');
      return missions.with(wanted, ({ mission }) =>
        withSession(context, log, async (session) => {
          const copied: CopiedArtifact[] = [];
          const how = { to: resolve(to), force, workspaceRoot, token: httpToken ?? null };
          for await (const each of copyArtifacts(context, session, mission, how)) copied.push(each);
          return copied;
        }),
      );
    }),
  };
}

function readingOn(
  context: ClientContext,
  log: Log,
  { feed, missions, workspaceRoot, closing: { whileOpen } }: Reading,
): Pick<Client, 'report' | 'reports' | 'attempts'> {
  return {
    report: whileOpen((wanted) =>
      missions.with(wanted, async (opened, reader) => {
        const mission = await withContinuedBy(context, log, reader, opened);
        return withWorkspace(workspaceRoot, reportMission(mission));
      }),
    ),
    reports: whileOpen(async () =>
      (await feed.current()).reports().map((report) => withWorkspace(workspaceRoot, report)),
    ),
    attempts: whileOpen((wanted, onAttempt, { task = null, attempt = null, prompts = false } = {}) =>
      missions.with(wanted, ({ mission }) =>
        readAttempts(context, log, mission, { task, attempt, prompts }, onAttempt),
      ),
    ),
  };
}

const PROCESSES_OPTIONS = z.strictObject({ timeoutMs: optionIn('processes timeoutMs').default(2_000) });
const QUIET_MS = 700;

async function processesOf(
  context: ClientContext,
  log: Log,
  options: Parameters<Client['processes']>[0] = {},
): ReturnType<Client['processes']> {
  const { timeoutMs: firstMs } = checkedOptions(PROCESSES_OPTIONS, options, 'processes');
  return withSession(context, log, (session) =>
    askProcesses(context, session, { firstMs, quietMs: Math.min(firstMs, QUIET_MS), isEnough: () => false }),
  );
}

function approvalsOn(context: ClientContext, log: Log, missions: OneMission, { whileOpen }: Closing): Approvals {
  const withCall = <T>(id: string, body: (feed: MissionFeed, call: WaitingCallReport) => Promise<T>): Promise<T> =>
    missions.withNamed(
      id,
      (feed) => requireWaitingCall(feed, id, context.clock.now()),
      ({ feed, found }) => body(feed, found),
    );
  const answerTo = (id: string, said: CallAnswer) =>
    withCall(id, (feed, call) => answerCall(context, log, feed, call, said));
  return {
    list: whileOpen(() => missions.withOpen(async (feed) => waitingCalls(feed))),
    get: whileOpen((id) => withCall(id, async (_feed, call) => call)),
    approve: whileOpen((id) => answerTo(id, { approved: true, reason: '' })),
    reject: whileOpen((id, reason) => answerTo(id, { approved: false, reason })),
  };
}

function deadLettersOn(context: ClientContext, log: Log, feed: SharedFeed, { whileOpen }: Closing): DeadLetters {
  const withBox = <T>(body: (box: LetterBox) => T | Promise<T>): Promise<T> =>
    withSession(context, log, async (session) => body(await openLetterBox(context, session)));
  return {
    list: whileOpen(({ all = false } = {}) =>
      withBox((box) =>
        box
          .all()
          .filter(({ state }) => all || state.kind === 'waiting' || state.kind === 'redriving')
          .map(deadLetterOf),
      ),
    ),
    get: whileOpen((id) => withBox((box) => deadLetterDetailsOf(box.require(id)))),
    redrive: whileOpen((ids, options = {}) =>
      withBox((box) => redriveLetters({ context, log, box, openFeed: feed.current }, ids, options)),
    ),
    discard: whileOpen((ids, options) => withBox((box) => discardLetters(context, box, ids, options))),
  };
}

async function followOn(
  feed: MissionFeed,
  context: ClientContext,
  missionId: string,
  { onEvent, signal }: FollowOptions,
): Promise<MissionReport> {
  const unsubscribe = onEvent === undefined ? () => undefined : feed.onMission(missionId, onEvent);
  try {
    return await feed.ended(
      missionId,
      signal === undefined ? context.signal : AbortSignal.any([signal, context.signal]),
    );
  } finally {
    unsubscribe();
  }
}
