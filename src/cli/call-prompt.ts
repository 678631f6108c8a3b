/** In a terminal a person is asked at once about each call that waits, one after the other. */
import { answerCall, requireWaitingCall } from '../client/approvals.js';
import { ClientError } from '../client/client-error.js';
import type { MissionFeed } from '../client/mission-feed.js';
import type { WaitingCallReport } from '../domain/report.js';
import type { Log } from '../ports/log.js';
import { callText } from './call-text.js';
import { clientCommand } from './client-command.js';
import type { CommandContext } from './context.js';
import { describeFailure, failureText } from './failure.js';
import type { Progress } from './progress.js';

export interface CallPrompt {
  /** A call waits; a call that was asked about before is not asked about again. */
  onWaiting(call: WaitingCallReport): void;
  /** The call waits no longer, however it was decided. */
  onDecided(approvalId: string): void;
  /** No further question; an open one is withdrawn. */
  stop(): void;
}

export interface CallPromptOptions {
  readonly feed: MissionFeed;
  readonly log: Log;
  readonly progress: Progress;
  /** Whether another process can answer instead. */
  readonly isShared: boolean;
}

/** Without a terminal it says how to answer from another one. */
export function createCallPrompt(context: CommandContext, options: CallPromptOptions): CallPrompt {
  const asked = new Set<string>();
  const open = new Map<string, AbortController>();
  const stopping = new AbortController();
  let last: Promise<void> = Promise.resolve();

  function onWaiting(call: WaitingCallReport): void {
    if (asked.has(call.approval_id) || call.answered) return;
    asked.add(call.approval_id);
    const { ask } = context.host;
    if (ask === null || context.json) return options.progress.say(`${callText(call)}${howTo(context, call)}`);
    const decided = new AbortController();
    open.set(call.approval_id, decided);
    const signal = AbortSignal.any([decided.signal, stopping.signal]);
    last = last.then(() => askAbout(context, options, { call, ask, signal }));
  }

  return {
    onWaiting,
    onDecided: (approvalId) => open.get(approvalId)?.abort(),
    stop: () => stopping.abort(),
  };
}

interface Question {
  readonly call: WaitingCallReport;
  readonly ask: NonNullable<CommandContext['host']['ask']>;
  readonly signal: AbortSignal;
}

/** Never rejects: what goes wrong with one answer is said, and the call waits on. */
async function askAbout(
  context: CommandContext,
  { feed, log, progress, isShared }: CallPromptOptions,
  { call, ask, signal }: Question,
): Promise<void> {
  if (signal.aborted) return;
  const release = progress.hold();
  try {
    context.host.stderr.write(`\n${callText(call)}`);
    const isYes = /^y(es)?$/i.test((await ask('Let it run? [y/N] ', signal)).trim());
    if (signal.aborted) return;
    const why = isYes ? '' : (await ask('Why not? (for the model; Enter: no reason) ', signal)).trim();
    if (signal.aborted) return;
    const waiting = requireWaitingCall(feed, call.approval_id, context.host.clock.now());
    if (waiting.digest !== call.digest) return onWaitingChanged(context, call);
    await answerCall(context.client, log, feed, waiting, { approved: isYes, reason: why });
  } catch (error) {
    if (signal.aborted || context.host.interruption.aborted) return;
    if (!(error instanceof ClientError)) context.logger.warn({ error }, 'approval.not_answered');
    context.host.stderr.write(failureText(describeFailure(error)));
    if (isShared) context.host.stderr.write(howTo(context, call));
  } finally {
    release();
  }
}

function onWaitingChanged(context: CommandContext, { approval_id }: WaitingCallReport): void {
  context.host.stderr.write(`the call ${approval_id} has changed since it was shown: the answer was not sent\n`);
}

const howTo = (context: CommandContext, { approval_id }: WaitingCallReport): string =>
  `The call waits for an answer:\n  ${clientCommand(context, `approve ${approval_id}`)}\n` +
  `  ${clientCommand(context, `reject ${approval_id} --why "…"`)}\n`;
