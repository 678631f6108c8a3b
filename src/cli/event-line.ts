import type { AgentEvent, CheckResult } from '../domain/events.js';
import { measuredDuration } from './durations.js';
import { oneLine } from './text-width.js';

/**
 * An event on one line: type | source → target | what it is about | details, where there are any, such as
 * `task_assigned | orchestrator → cert_agent | deploy-cert_agent-wave1`. Holds no control characters.
 */
export function eventLine(event: AgentEvent): string {
  const target = event.target_agent === null ? '' : ` → ${event.target_agent}`;
  const parts = [event.event_type, `${event.source_agent}${target}`, subject(event), details(event)];
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

/** What else a reader wants to know; the compiler names an event type that is missing here. */
function details(event: AgentEvent): string {
  switch (event.event_type) {
    case 'mission_requested':
      return `${event.payload.name}, approval ${event.payload.approval}`;
    case 'mission_completed':
      return `${event.payload.tasks_verified} verified, ${event.payload.tasks_unverified} unverified`;
    case 'mission_failed':
    case 'mission_cancelled':
    case 'mission_cancel_requested':
      return event.payload.reason;
    case 'plan_requested':
      return [`revision ${event.payload.revision}`, event.payload.reason ?? '']
        .filter((part) => part !== '')
        .join(': ');
    case 'plan_proposed':
      return `revision ${event.payload.revision} by ${event.payload.model === '' ? event.payload.planner : event.payload.model}: ${count(event.payload.plan.waves.length, 'wave')}, ${count(event.payload.plan.waves.flatMap((wave) => wave.tasks).length, 'task')}`;
    case 'plan_approved':
      return `revision ${event.payload.revision} by ${event.payload.approved_by}`;
    case 'plan_rejected':
      return `revision ${event.payload.revision} by ${event.payload.rejected_by}: ${event.payload.reason}`;
    case 'plan_failed':
      return `revision ${event.payload.revision}: ${event.payload.error}`;
    case 'attention_requested':
      return `question ${event.payload.number}: ${event.payload.reason}. ${event.payload.question}`;
    case 'attention_answered':
      return `question ${event.payload.number} by ${event.payload.answered_by}: ${event.payload.answer}`;
    case 'wave_started':
      return event.payload.task_ids.join(', ');
    case 'task_assigned':
    case 'task_accepted':
      return attempt(event.payload.attempt);
    case 'task_retry_scheduled':
      return `attempt ${event.payload.attempt} in ${measuredDuration(event.payload.delay_ms)}: ${event.payload.reason}`;
    case 'task_started':
      return [attempt(event.payload.attempt), event.payload.worker_id].filter((part) => part !== '').join(', ');
    case 'task_progress':
      return event.payload.message;
    case 'model_failed_over':
      return `${event.payload.from_model} → ${event.payload.to_model}, ${event.payload.reason}`;
    case 'task_completed':
      return `${event.payload.result.status}, ${count(event.payload.steps, 'step')}, ${count(event.payload.result.checks.length, 'check')}, ${measuredDuration(event.payload.duration_ms)}`;
    case 'task_failed':
      return [event.payload.code, failingCheck(event.payload.checks), event.payload.error]
        .filter((part) => part !== '')
        .join(': ');
    case 'task_cancelled':
      return `${event.payload.code}: ${event.payload.reason}`;
    case 'task_retry_requested':
      return [attempt(event.payload.attempt), event.payload.reason].filter((part) => part !== '').join(': ');
    case 'dead_letter_taken':
      return event.payload.taken_over ? 'taken over' : '';
    case 'dead_letter_redriven':
      return `${event.payload.how.replace('_', ' ')}: ${event.payload.target_topic}[${event.payload.target_partition}]@${event.payload.target_offset}`;
    case 'dead_letter_discarded':
      return event.payload.reason;
    case 'tool_called':
      return `step ${event.payload.step}: ${event.payload.tool} by ${event.payload.model}`;
    case 'tool_returned':
      return `step ${event.payload.step}: ${event.payload.outcome}${event.payload.exit_code === null ? '' : `, exit ${event.payload.exit_code}`}`;
    case 'partition_claimed':
      return `${event.payload.topic}[${event.payload.partition}]`;
    case 'service_starting':
    case 'service_ready':
    case 'service_stopped':
      return event.payload.status;
    case 'service_unhealthy':
      return event.payload.error_message ?? event.payload.status;
    case 'dependency_required':
    case 'dependency_satisfied':
      return `${event.payload.dependency_type}, for ${event.payload.required_by}`;
    case 'squad_ready':
      return event.payload.agents.join(', ');
    case 'circuit_changed':
      return `${event.payload.endpoint}: ${event.payload.from} → ${event.payload.to}${event.payload.to === 'open' ? ` for ${measuredDuration(event.payload.open_ms)} after ${count(event.payload.failures, 'failure')}` : ''}, ${event.payload.reason}`;
    case 'heartbeat':
    case 'status_report':
      return `${count(event.payload.partitions.length, 'partition')}, ${count(event.payload.running.length, 'running task')}`;
    case 'partition_opened':
    case 'request_status':
    case 'turn_reserved':
    case 'wave_completed':
      return '';
  }
}

/** The check that failed, by name, or nothing when all passed. */
function failingCheck(checks: readonly CheckResult[]): string {
  const failed = checks.find((check) => check.exit_code !== 0);
  return failed === undefined ? '' : `check "${failed.name}" exit ${failed.exit_code}`;
}

function attempt(number: number): string {
  return number > 1 ? `attempt ${number}` : '';
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
