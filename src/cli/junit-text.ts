/**
 * A mission's report as JUnit XML, in a form that both the schema of Ant's reports and that of Jenkins allow: one
 * testsuite for the mission, a testcase for each task, each check and each success check.
 */
import { playbookChecks, type AgentSpec } from '../domain/agent-spec.js';
import type { Check, CheckResult } from '../domain/events.js';
import type { Mission } from '../domain/mission-state.js';
import type { Redact } from '../domain/redaction.js';
import type { MissionReport, TaskReport } from '../domain/report.js';

/** What a mission should prove, whether or not it came to it. */
export interface DeclaredChecks {
  /** By task id: the task's own checks and those of its playbook. The task with the success checks is not there. */
  readonly tasks: ReadonlyMap<string, readonly Check[]>;
  readonly success: readonly Check[];
}

export function declaredChecks(
  { tasks, request }: Pick<Mission, 'tasks' | 'request'>,
  roster: readonly AgentSpec[],
): DeclaredChecks {
  const specs = new Map(roster.map((spec) => [spec.name, spec]));
  const all = [...tasks.values()];
  const ofPlaybook = (agent: string, playbook: string | null): readonly Check[] => {
    const spec = specs.get(agent);
    return spec === undefined ? [] : playbookChecks(spec, playbook);
  };
  return {
    tasks: new Map(
      all
        .filter(({ kind }) => kind === 'task')
        .map(({ id, plan }) => [id, [...plan.acceptance, ...ofPlaybook(plan.agent, plan.playbook)]]),
    ),
    // A changed plan has its own checks, which come after those of an earlier one.
    success: all.findLast(({ kind }) => kind === 'verify')?.plan.acceptance ?? request.success,
  };
}

export interface JunitOptions {
  readonly declared: DeclaredChecks;
  /** Where it ran. */
  readonly hostname: string;
  /** Every text passes it before it is written. */
  readonly redact: Redact;
  /** ms since the epoch. */
  readonly nowMs: number;
}

type Outcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'skipped'; readonly message: string }
  | { readonly kind: 'failure' | 'error'; readonly type: string; readonly message: string };

interface TestCase {
  readonly classname: string;
  readonly name: string;
  readonly durationMs: number;
  readonly outcome: Outcome;
}

const PASSED: Outcome = { kind: 'passed' };

/** The whole document. A mission that has not completed has at least one testcase that says so. */
export function junitText(report: MissionReport, options: JunitOptions): string {
  const { declared, hostname, redact, nowMs } = options;
  const cases = [
    ...report.tasks.flatMap((task) => casesOfTask(report, task, declared)),
    ...successCases(report, declared.success),
    ...missionCase(report),
  ];
  const count = (kind: Outcome['kind']) => cases.filter(({ outcome }) => outcome.kind === kind).length;
  const text = (value: string) => escaped(redact(value));
  const endedMs = report.ended_at === null ? nowMs : Date.parse(report.ended_at);
  const attributes = [
    `name="${text(report.name)}" package="ravenhelm" id="0"`,
    // The schema allows no fraction and no zone; it is UTC.
    `timestamp="${report.started_at.slice(0, 19)}" hostname="${text(hostname)}"`,
    `tests="${cases.length}" failures="${count('failure')}" errors="${count('error')}" skipped="${count('skipped')}"`,
    `time="${seconds(endedMs - Date.parse(report.started_at))}"`,
  ];
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<testsuites>',
    `  <testsuite ${attributes.join(' ')}>`,
    '    <properties>',
    ...propertiesOf(report).map(([name, value]) => `      <property name="${name}" value="${text(value)}"/>`),
    '    </properties>',
    ...cases.map((each) => caseText(each, text)),
    '    <system-out></system-out>',
    '    <system-err></system-err>',
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function propertiesOf(report: MissionReport): readonly (readonly [string, string])[] {
  return [
    ['mission_id', report.mission_id],
    ['status', report.status],
    ['requested_by', report.requested_by],
    ['cost_usd', String(report.cost_usd)],
    ['tokens', String(report.tokens)],
    ...(report.sandbox_off ? [['sandbox', sandboxText(report)] as const] : []),
    ...(report.workspace === null ? [] : [['workspace', report.workspace] as const]),
    ...report.tasks.flatMap(artifactProperties),
  ];
}

/** The schema has no element for files. */
const artifactProperties = ({ task_id, artifacts }: TaskReport): (readonly [string, string])[] =>
  (artifacts?.files ?? []).map(({ path, bytes, digest }) => [
    'artifact',
    `${task_id}/${path} ${bytes} bytes sha256:${digest}`,
  ]);

/** As the report says it: the schema has no property of a single testcase. */
function sandboxText({ tasks }: MissionReport): string {
  const off = tasks.filter(({ sandbox_off }) => sandbox_off).map(({ task_id }) => task_id);
  return off.length === 0 ? 'off' : `off for ${off.join(', ')}`;
}

function casesOfTask(report: MissionReport, task: TaskReport, declared: DeclaredChecks): readonly TestCase[] {
  const classname = `${className(report)}.wave${task.wave}`;
  const own = { classname, name: task.task_id, durationMs: task.duration_ms, outcome: outcomeOfTask(task) };
  const checks = declared.tasks.get(task.task_id);
  // The task with the success checks: they have their own class.
  if (checks === undefined) return [own];
  return [own, ...checkCases(`${classname}.${task.task_id}`, task.checks, checks)];
}

function outcomeOfTask(task: TaskReport): Outcome {
  const detail = task.detail === '' ? '' : `: ${task.detail}`;
  switch (task.status) {
    case 'verified':
    case 'unverified':
      return PASSED;
    case 'failed': {
      const failed = task.checks.filter((check) => check.exit_code !== 0).map(({ name }) => `check "${name}" failed`);
      return {
        kind: 'failure',
        type: 'task_failed',
        message: failed.join(', ') + (failed.length > 0 ? detail : task.detail),
      };
    }
    case 'cancelled':
      return { kind: 'skipped', message: `cancelled${detail}` };
    case 'waiting':
    case 'running':
    case 'paused':
      return { kind: 'skipped', message: `${task.status}${detail}` };
  }
}

const successCases = (report: MissionReport, success: readonly Check[]): readonly TestCase[] =>
  checkCases(`${className(report)}.success`, report.success, success);

/** Those that ran, then those that did not. */
function checkCases(classname: string, ran: readonly CheckResult[], declared: readonly Check[]): readonly TestCase[] {
  const isRan = ({ name, command }: Check) => ran.some((check) => check.name === name && check.command === command);
  return [
    ...ran.map((check) => ({
      classname,
      name: check.name,
      durationMs: check.duration_ms,
      outcome: outcomeOfCheck(check),
    })),
    ...declared
      .filter((check) => !isRan(check))
      .map(({ name }) => ({
        classname,
        name,
        durationMs: 0,
        outcome: { kind: 'skipped', message: 'not run' } as const,
      })),
  ];
}

const outcomeOfCheck = ({ exit_code, command }: CheckResult): Outcome =>
  exit_code === 0 ? PASSED : { kind: 'failure', type: 'check', message: `exit code ${exit_code}: ${command}` };

/** What no task and no check says. */
function missionCase(report: MissionReport): readonly TestCase[] {
  if (report.status === 'completed') return [];
  const { status, reason } = report;
  const outcome: Outcome =
    report.ended_at === null
      ? { kind: 'error', type: 'not_ended', message: `the mission has not ended: ${status}` }
      : { kind: 'failure', type: `mission_${status}`, message: reason ?? status };
  return [{ classname: className(report), name: 'mission', durationMs: 0, outcome }];
}

/** A dot would begin a package. */
const className = ({ name }: MissionReport): string => name.replaceAll('.', '_');

function caseText({ classname, name, durationMs, outcome }: TestCase, text: (value: string) => string): string {
  const open = `    <testcase classname="${text(classname)}" name="${text(name)}" time="${seconds(durationMs)}"`;
  switch (outcome.kind) {
    case 'passed':
      return `${open}/>`;
    case 'skipped':
      return `${open}>\n      <skipped message="${text(outcome.message)}"/>\n    </testcase>`;
    default: {
      const { kind, type, message } = outcome;
      const [first = ''] = message.split('\n', 1);
      return (
        `${open}>\n      <${kind} type="${text(type)}" message="${text(first)}">${text(message)}</${kind}>\n` +
        '    </testcase>'
      );
    }
  }
}

const seconds = (ms: number): string => (Math.max(0, ms) / 1000).toFixed(3);

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  // As they are, a parser would make spaces of them in an attribute.
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

/** Control characters, halves of pairs and two others: XML 1.0 has most of them in no form, not even escaped. */
const NOT_IN_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]|\p{Cs}/gu;

/** For an attribute and for text. */
const escaped = (text: string): string =>
  text.replace(NOT_IN_XML, '').replace(/[&<>"\t\n\r]/g, (character) => ESCAPES[character] ?? character);
