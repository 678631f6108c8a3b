/** Watches calls that the policy asks about: each starts only after a person has approved exactly it, once, in time. */
import { callDigest } from '../../src/agent/call-digest.js';
import type { PayloadOf } from '../../src/domain/events.js';
import type { FoldRecord } from '../../src/domain/record.js';
import type { TaskAttempt } from '../../src/domain/task-partition.js';
import type { ToolCall } from '../../src/ports/tools.js';
import { isAsked } from './sim-policy.js';
import { Violation } from './violation.js';

export interface AskOracle {
  /** A record of any partition. */
  onWritten(record: FoldRecord): void;
  /** @throws Violation */
  checkStart(call: ToolCall, attempt: TaskAttempt | undefined): void;
}

interface Approval {
  readonly digest: string;
  readonly atMs: number;
}

export function createAskOracle(): AskOracle {
  /** What people have approved, by approval id, and until when they could. */
  const approvals = new Map<string, Approval[]>();
  const expiresAt = new Map<string, number>();
  /** What its task had left when it was proposed, ms. */
  const leftMs = new Map<string, number>();
  /** The step that an approval has let start. */
  const used = new Map<string, string>();

  function approvalOf(approvalId: string | null, digest: string): Approval | undefined {
    if (approvalId === null) return undefined;
    const until = expiresAt.get(approvalId) ?? -1;
    return (approvals.get(approvalId) ?? []).find((each) => each.digest === digest && each.atMs <= until);
  }

  return {
    onWritten({ event, timestampMs: atMs }) {
      if (event.event_type === 'call_proposed') {
        expiresAt.set(event.event_id, event.payload.expires_at);
        leftMs.set(event.event_id, event.payload.remaining_ms);
      }
      if (event.event_type !== 'call_answered' || !event.payload.approved) return;
      const { approval_id, digest } = event.payload;
      approvals.set(approval_id, [...(approvals.get(approval_id) ?? []), { digest, atMs }]);
    },
    checkStart({ task, step, tool, arguments: args, timeLimitMs }, attempt) {
      const call = attempt?.steps[step - 1]?.call;
      if (call === undefined || attempt === undefined) return;
      const { agent } = attempt.assignment;
      if (!isAsked({ agent, tool, arguments: args })) return;
      const what = `${task.taskId}/${task.attempt}#${step}`;
      const digest = callDigest(exactCall(call, attempt.assignment, args, task.workspace));
      if (approvalOf(call.approval_id, digest) === undefined)
        throw new Violation('approved-first', `${what} starts, and no person has approved it`);
      const before = used.get(call.approval_id ?? '');
      if (before !== undefined && before !== what)
        throw new Violation('approved-once', `${what} starts with the approval of ${before}`);
      used.set(call.approval_id ?? '', what);
      // What is written is rounded.
      if (timeLimitMs > (leftMs.get(call.approval_id ?? '') ?? 0) + 1)
        throw new Violation('pause-keeps-time', `${what} has more time than its task had before it waited`);
    },
  };
}

function exactCall(
  { mission_id, task_id, attempt, step, tool, rule, tainted_by }: PayloadOf<'tool_called'>,
  { agent, mission_inputs: inputs }: PayloadOf<'task_assigned'>,
  args: ToolCall['arguments'],
  workspace: string | null,
) {
  const asked = { rule: rule ?? '', tainted_by, inputs };
  return {
    ...{ mission_id, task_id, attempt, step, agent, tool, arguments: args, checks: [], working_dir: workspace },
    ...asked,
  };
}
