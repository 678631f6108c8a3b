import type { AgentEvent, CheckResult, EventType, PayloadOf, Plan } from '../domain/events.js';
import { plannerOf, UNKNOWN_AGENTS } from '../domain/mission-planning.js';
import { taintsText } from '../domain/taint.js';
import { connectionText } from './connection-text.js';
import { budgetText, budgetUseText } from './budget-text.js';
import { measuredDuration } from './durations.js';
import { oneLine } from './text-width.js';

/**
 * An event on one line: type | source → target | what it is about | details, where there are any, such as
 * `task_assigned | orchestrator → cert_agent | deploy-cert_agent-wave1`. Holds no control characters.
 */
export function eventLine(event: AgentEvent): string {
  const target = event.target_agent === null ? '' : ` → ${event.target_agent}`;
  const parts = [
    event.event_type,
    `${event.source_agent}${target}`,
    subject(event),
    details(event.event_type, event.payload),
    event.sandbox === 'off' ? 'sandbox off' : '',
  ];
  return parts
    .filter((part) => part !== '')
    .map(oneLine)
    .join(' | ');
}

function subject(event: AgentEvent): string {
  const { payload } = event;
  if ('task_id' in payload && payload.task_id !== null) return payload.task_id;
  if ('wave_number' in payload) return `${payload.mission_id} wave ${payload.wave_number}`;
  if ('mission_id' in payload) return payload.mission_id;
  if ('service_name' in payload) return payload.service_name;
  if ('dependency_name' in payload) return payload.dependency_name;
  if ('worker_id' in payload) return payload.worker_id;
  if ('request_id' in payload) return payload.request_id;
  if ('letter_id' in payload) return payload.letter_id;
  return `${payload.topic}[${payload.partition}]`;
}

function nextCallText({ code, retry_in_ms: retryInMs }: PayloadOf<'plan_failed'>): string {
  if (retryInMs === null) return '';
  return code === UNKNOWN_AGENTS
    ? '; asked again when they are there'
    : `; asked again in ${measuredDuration(retryInMs)}`;
}

type Payloads = { readonly [T in EventType]: PayloadOf<T> };
type Details = { readonly [T in keyof Payloads]: (payload: Payloads[T]) => string };

/** What else a reader wants to know. */
function details<T extends keyof Payloads>(type: T, payload: Payloads[T]): string {
  return DETAILS[type](payload);
}

const nothing = () => '';
const reason = (payload: { readonly reason: string }) => payload.reason;
const attemptOf = (payload: { readonly attempt: number }) => attempt(payload.attempt);
const status = (payload: { readonly status: string }) => payload.status;
const running = (payload: { readonly partitions: readonly unknown[]; readonly running: readonly unknown[] }) =>
  `${count(payload.partitions.length, 'partition')}, ${count(payload.running.length, 'running task')}`;

/** By event type; the compiler names a type that is missing here. */
const DETAILS: Details = {
  mission_requested: ({ name, approval }) => `${name}, approval ${approval}`,
  mission_completed: ({ tasks_verified, tasks_unverified }) =>
    `${tasks_verified} verified, ${tasks_unverified} unverified`,
  mission_failed: reason,
  mission_cancelled: reason,
  mission_cancel_requested: reason,
  mission_pause_requested: (payload) => joined(': ', `by ${payload.requested_by}`, payload.reason),
  mission_resume_requested: ({ requested_by }) => `by ${requested_by}`,
  mission_budget_requested: (payload) => `${budgetText(payload)}, by ${payload.requested_by}`,
  plan_requested: ({ revision, reason, answer }) => joined(': ', `revision ${revision}`, reason ?? '', answer ?? ''),
  plan_proposed: ({ revision, model, planner, plan }) =>
    joined(
      ', ',
      `revision ${revision} by ${plannerOf({ planner, model })}: ${count(plan.waves.length, 'wave')}`,
      count(plan.waves.flatMap((wave) => wave.tasks).length, 'task'),
      planner === 'mission' ? '' : playbooksOf(plan),
    ),
  plan_approved: ({ revision, approved_by }) => `revision ${revision} by ${approved_by}`,
  plan_rejected: (payload) => `revision ${payload.revision} by ${payload.rejected_by}: ${payload.reason}`,
  plan_failed: (payload) => `revision ${payload.revision}: ${payload.error}${nextCallText(payload)}`,
  attention_requested: (payload) => `question ${payload.number}: ${payload.reason}. ${payload.question}`,
  attention_answered: (payload) => `question ${payload.number} by ${payload.answered_by}: ${payload.answer}`,
  wave_started: ({ task_ids }) => task_ids.join(', '),
  wave_completed: nothing,
  mission_waits: (payload) => payload.reason ?? 'it waits no more',
  budget_used: (payload) => `${budgetUseText(payload)} is used`,
  task_assigned: ({ attempt: number, untrusted }) =>
    joined(', ', attempt(number), sourcesText('may read untrusted content', untrusted ?? [])),
  task_accepted: attemptOf,
  task_retry_scheduled: (payload) =>
    `attempt ${payload.attempt} in ${measuredDuration(payload.delay_ms)}: ${payload.reason}`,
  task_started: (payload) => joined(', ', attempt(payload.attempt), payload.worker_id),
  task_progress: ({ message }) => message,
  model_failed_over: (payload) => `${payload.from_model} → ${payload.to_model}, ${payload.reason}`,
  snapshot_taken: ({ wave_number: wave, files, bytes, left_out }) =>
    joined(
      ', ',
      `${wave === 0 ? 'before the mission' : `after wave ${wave}`}: ${count(files, 'file')}, ${bytes} bytes`,
      left_out === 0 ? '' : `${left_out} left out`,
    ),
  snapshot_missed: ({ wave_number: wave, reason }) => `after wave ${wave}: ${reason}`,
  task_paused: (payload) =>
    joined(
      '; ',
      `step ${payload.step}: ${payload.tool} waits for a person (${payload.rule})`,
      sourcesText('tainted by', payload.tainted_by),
      `approval ${payload.approval_id}`,
    ),
  task_resumed: ({ step }) => `step ${step}`,
  call_answered: (payload) =>
    joined(': ', `${payload.approved ? 'approved' : 'rejected'} by ${payload.answered_by}`, payload.reason),
  call_decided: (payload) =>
    joined(': ', `${payload.approved ? 'approved' : 'rejected'} by ${payload.answered_by}`, payload.reason),
  approval_void: (payload) => `the answer of ${payload.answered_by} does not count, ${payload.code}: ${payload.reason}`,
  request_accepted: ({ request_type, requested_by, signed_by, key_id }) =>
    `${request_type} by ${signed_by === null ? `${requested_by}, not signed` : `${signed_by}, key ${key_id ?? '?'}`}`,
  request_void: ({ request_type, requested_by, code, reason: why }) =>
    `${request_type} by ${requested_by} does not count, ${code}: ${why}`,
  task_completed: ({ result, steps, duration_ms }) =>
    `${result.status}, ${count(steps, 'step')}, ${count(result.checks.length, 'check')}, ` +
    measuredDuration(duration_ms),
  task_failed: ({ code, checks, error }) => joined(': ', code, failingCheck(checks), error),
  task_suspended: ({ suspended }) => (suspended ? 'waits: the mission is paused' : 'may continue'),
  task_cancelled: (payload) => `${payload.code}: ${payload.reason}`,
  task_retry_requested: (payload) => joined(': ', attempt(payload.attempt), payload.reason),
  dead_letter_taken: ({ taken_over }) => (taken_over ? 'taken over' : ''),
  dead_letter_redriven: ({ how, target_topic, target_partition, target_offset }) =>
    `${how.replace('_', ' ')}: ${target_topic}[${target_partition}]@${target_offset}`,
  dead_letter_discarded: reason,
  call_proposed: ({ step, tool, rule }) => `step ${step}: ${tool} waits for a person (${rule})`,
  tool_called: ({ step, tool, model, tainted_by }) =>
    joined(', ', `step ${step}: ${tool} by ${model}`, sourcesText('tainted by', tainted_by)),
  tool_returned: ({ step, outcome, exit_code }) =>
    `step ${step}: ${outcome}${exit_code === null ? '' : `, exit ${exit_code}`}`,
  connection_ended: (payload) => `step ${payload.step}: ${connectionText(payload)}`,
  turn_reserved: nothing,
  partition_claimed: ({ topic, partition }) => `${topic}[${partition}]`,
  partition_opened: nothing,
  service_starting: status,
  service_ready: status,
  service_stopped: status,
  service_unhealthy: (payload) => payload.error_message ?? payload.status,
  dependency_required: (payload) => `${payload.required_by} waits for it`,
  dependency_satisfied: (payload) => `${payload.required_by} waits for it no more`,
  squad_ready: ({ agents, workers }) => `${agents.join(', ')} have workers: ${workers.join(', ')}`,
  circuit_changed(payload) {
    const open =
      payload.to === 'open'
        ? ` for ${measuredDuration(payload.open_ms)} after ${count(payload.failures, 'failure')}`
        : '';
    return `${payload.endpoint}: ${payload.from} → ${payload.to}${open}, ${payload.reason}`;
  },
  heartbeat: running,
  status_report: running,
  request_status: nothing,
};

const sourcesText = (words: string, sources: Parameters<typeof taintsText>[0]): string =>
  sources.length === 0 ? '' : `${words}: ${taintsText(sources)}`;

/** The playbooks that a planner chose; a person's own choice needs no words. */
function playbooksOf({ waves }: Plan): string {
  const names = [...new Set(waves.flatMap((wave) => wave.tasks.flatMap(({ playbook }) => playbook ?? [])))];
  return names.length === 0 ? '' : `playbooks it chose: ${names.join(', ')}`;
}

/** The check that failed, by name, or nothing when all passed. */
function failingCheck(checks: readonly CheckResult[]): string {
  const failed = checks.find((check) => check.exit_code !== 0);
  return failed === undefined ? '' : `check "${failed.name}" exit ${failed.exit_code}`;
}

/** The parts that are not empty. */
function joined(separator: string, ...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(separator);
}

function attempt(number: number): string {
  return number > 1 ? `attempt ${number}` : '';
}

export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
