/** Calls that wait for a person, for people. What they hold comes from models: it is never written as it is. */
import { isSecretInput, variableOf } from '../domain/mission-inputs.js';
import type { InputReport, WaitingCallReport } from '../domain/report.js';
import { taintsText } from '../domain/taint.js';
import { roughDuration } from './durations.js';
import { table } from './table.js';
import { hasHidden, oneLine, safeLines } from './text-width.js';

export function callsTable(calls: readonly WaitingCallReport[], nowMs: number): string {
  const rows = calls.map((call) => [
    call.approval_id,
    call.mission_id,
    call.agent,
    call.answered ? 'answered' : `${leftText(call, nowMs)}${call.void_answer === null ? '' : '; an answer is void'}`,
    call.rule,
    shortCall(call),
  ]);
  return table([['ID', 'MISSION', 'AGENT', 'EXPIRES', 'RULE', 'CALL'], ...rows]);
}

const leftText = ({ expires_at }: WaitingCallReport, nowMs: number): string =>
  `${roughDuration(Math.max(0, Date.parse(expires_at) - nowMs))} left`;

/** The tool and its first argument, on one line. */
export function shortCall({ tool, arguments: args }: WaitingCallReport): string {
  const [first] = Object.values(args);
  return `${tool}${first === undefined ? '' : ` ${typeof first === 'string' ? first : JSON.stringify(first)}`}`;
}

const voidText = ({ answered_by, reason }: NonNullable<WaitingCallReport['void_answer']>): string =>
  `the answer of ${answered_by} does not count: ${reason}`;

/** Everything that a person must know to decide. The arguments are whole: what is approved is exactly this. */
export function callText(call: WaitingCallReport): string {
  const facts = [
    ['approval', call.approval_id],
    ['mission', call.mission_id],
    ['task', `${call.task_id}, attempt ${call.attempt}, step ${call.step}`],
    ['agent', call.agent],
    ['rule', `${call.rule}: ${call.reason}`],
    ...(call.tainted_by.length === 0 ? [] : [['tainted by', taintsText(call.tainted_by)]]),
    ['directory', call.working_dir ?? "the mission's own"],
    ['expires', call.expires_at],
    ['digest', `sha256 ${call.digest}`],
    ['tool', call.tool],
    ...(call.void_answer === null ? [] : [['void', voidText(call.void_answer)]]),
  ].map(([name = '', value = '']) => `${name.padEnd(10)} ${oneLine(value)}`);
  const given = Object.entries(call.arguments);
  const checks = call.checks.map((command, at): [string, unknown] => [`check ${at + 1}, which it runs`, command]);
  const inputs = call.inputs.map((input): [string, unknown] => [`input $${variableOf(input)}`, inputText(input)]);
  const shown = [...given, ...checks, ...inputs].flatMap(([name, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    const hidden = hasHidden(text)
      ? ['    (it holds characters that are not shown; ravenhelm approvals show ID --json has them)']
      : [];
    return [`${oneLine(name)}:`, ...safeLines(text).map((line) => `    ${line}`), ...hidden];
  });
  return `${[...facts, ...shown].join('\n')}\n`;
}

const inputText = (input: InputReport): string =>
  isSecretInput(input) ? `the file of the worker's secret ${input.value}` : input.value;
