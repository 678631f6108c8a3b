/** An attempt's journal for people. */
import type {
  AttemptReport,
  CheckReport,
  ConnectionReport,
  PromptReport,
  StepReport,
} from '../domain/attempt-report.js';
import { BASELINE_LIMIT_MS, BASELINE_TIMED_OUT, NOT_RUN, type CheckBaseline } from '../domain/baseline.js';
import { taintText } from '../domain/taint.js';
import { jsonObject } from '../domain/json-object.js';
import { connectionText } from './connection-text.js';
import { measuredDuration, shownUsd } from './durations.js';
import type { WholeOutput } from '../client/whole-output.js';
import { paint, segment, type Line, type Tone } from './paint.js';
import { oneLine, safeLines } from './text-width.js';

/** Wider than any line: the terminal wraps, nothing is cut. */
const UNCUT = 1_000_000;
/** Lines of an output, argument or thought that are shown from its beginning, and from its end. */
const HEAD_LINES = 15;
const TAIL_LINES = 15;

export interface AttemptTextOptions {
  readonly colors: boolean;
  /** Show every line that is recorded, instead of head and tail. */
  readonly whole: boolean;
  /** The files with the whole output, by step, where they were found. */
  readonly outputs: ReadonlyMap<number, WholeOutput>;
}

/** Text to write, or a file whose lines are to be written after this indentation. */
export type AttemptPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'file'; readonly path: string; readonly indent: string };

type Part = Line | Extract<AttemptPart, { kind: 'file' }>;

/** In the order in which they are written. Text ends in a line break and holds no control characters of others. */
export function* attemptParts(report: AttemptReport, options: AttemptTextOptions): Generator<AttemptPart> {
  yield of(heading(report));
  for (const line of connectionLines(report.connections)) yield of(line);
  for (const step of report.steps) for (const part of stepLines(step, options)) yield of(part);
  for (const line of waitingLines(report)) yield of(line);
  for (const line of endLines(report)) yield of(line);

  function of(part: Part): AttemptPart {
    return 'kind' in part ? part : { kind: 'text', text: `${paint(part, UNCUT, options.colors).text}\n` };
  }
}

const STATUS_TONE: Readonly<Record<AttemptReport['status'], Tone>> = {
  open: 'cyan',
  completed: 'green',
  failed: 'red',
  cancelled: 'yellow',
};

function heading({ task_id, agent, attempt, status }: AttemptReport): Line {
  return [
    segment(oneLine(task_id), 'bold'),
    segment(`  attempt ${attempt}  `),
    segment(status, STATUS_TONE[status]),
    segment(`  ${oneLine(agent)}`, 'dim'),
  ];
}

function stepLines(step: StepReport, options: AttemptTextOptions): readonly Part[] {
  const cut = (text: string) => (options.whole ? safeLines(text) : headAndTail(safeLines(text)));
  const checks = step.outcome?.checks ?? [];
  return [
    stepHeading(step),
    [segment(`    ${oneLine(modelFacts(step))}`, 'dim')],
    ...(step.prompt === undefined ? [] : promptLines(step.prompt)),
    ...step.refusals.flatMap((text) => block('refused', cut(text), 'yellow')),
    ...step.repairs.flatMap((text) => block('repaired', [oneLine(text)], 'yellow')),
    ...policyLines(step),
    ...checkPolicyLines(step),
    ...(step.sandbox_off ? block('sandbox', ['off: it ran with the rights of the worker'], 'red') : []),
    ...taintLines(step),
    ...block('thought', cut(step.thought)),
    ...Object.entries(step.arguments).flatMap(([name, value]) =>
      block(oneLine(name), cut(typeof value === 'string' ? value : JSON.stringify(value))),
    ),
    ...outputLines(step, options, cut),
    ...connectionLines(step.connections),
    ...checks.flatMap((check) => checkLines(check, cut)),
  ];
}

function connectionLines(connections: readonly ConnectionReport[]): readonly Line[] {
  return connections.flatMap((one) =>
    block('network', [oneLine(connectionText(one))], one.outcome === 'ended' ? 'plain' : 'red'),
  );
}

/** What the policy decided; nothing where no policy was asked. */
function policyLines({ policy, approval }: StepReport): readonly Line[] {
  if (policy === null) return [];
  const asked = approval === null ? '' : `; ${approval.refused_because ?? `approved by ${approval.approved_by}`}`;
  const text = oneLine(`${policy.decision} by ${policy.rule}${asked}`);
  const ran = policy.decision === 'allow' || (approval !== null && approval.approved_by !== null);
  return ran ? [[segment(`    policy: ${text}`, 'dim')]] : block('policy', [text], 'red');
}

const MOMENTS: Readonly<Record<string, string>> = { before: 'before the first step', end: 'at the end' };

/** What the policy decided about checks: a line for each moment, decision and rule. */
function checkPolicyLines({ check_decisions }: StepReport): readonly Line[] {
  const whatOf = ({ moment, decision, rule }: (typeof check_decisions)[number]) =>
    `${decision} by ${rule}, ${MOMENTS[moment] ?? moment}`;
  return [...new Set(check_decisions.map(whatOf))].flatMap((what) => {
    const names = check_decisions.filter((one) => whatOf(one) === what).map(({ check }) => check);
    const tone = what.startsWith('allow ') ? 'dim' : 'red';
    return block('policy of checks', [oneLine(`${what}: ${names.join(', ')}`)], tone);
  });
}

/** The untrusted content that the model had seen when it chose the step. */
function taintLines({ tainted_by }: Pick<StepReport, 'tainted_by'>): readonly Line[] {
  const sources = tainted_by.map(
    (taint) => `${taintText(taint)} since ${taint.step === 0 ? 'its start' : `step ${taint.step}`}`,
  );
  return sources.length === 0 ? [] : block('tainted by', [oneLine(sources.join(', '))], 'yellow');
}

/** The step that waits for a person. */
function waitingLines({ waiting }: AttemptReport): readonly Line[] {
  if (waiting === null) return [];
  const { step, tool, rule, reason, approval_id, expires_at } = waiting;
  return [
    [segment(`  step ${step}  ${oneLine(tool)}  `, 'bold'), segment('waits for a person', 'yellow')],
    ...block('policy', [oneLine(`ask by ${rule}: ${reason}`)], 'yellow'),
    ...taintLines(waiting),
    ...block('thought', safeLines(waiting.thought)),
    ...Object.entries(waiting.arguments).flatMap(([name, value]) =>
      block(oneLine(name), safeLines(typeof value === 'string' ? value : JSON.stringify(value))),
    ),
    [segment(`    approval: ${oneLine(approval_id)}, until ${expires_at}`, 'yellow')],
  ];
}

/** The whole prompt, and whether it is the one that was sent. */
function promptLines({ state, messages, why, digest }: PromptReport): readonly Line[] {
  const texts = messages.flatMap(({ role, content }) => block(`prompt, ${role}`, safeLines(content)));
  switch (state) {
    case 'exact':
      return [...texts, [segment('    prompt: ', 'dim'), segment(`exact, sha256 ${digest}`, 'green')]];
    case 'differs':
      return [...texts, ...block('prompt', [`not the one that was sent: ${oneLine(why ?? '')}`], 'red')];
    case 'not_recorded':
      return block('prompt', [`not recorded: ${oneLine(why ?? '')}`]);
    case 'unreadable':
      return block('prompt', [`cannot be rebuilt: ${oneLine(why ?? '')}`], 'red');
  }
}

function stepHeading({ step, tool, outcome }: StepReport): Line {
  if (outcome === null)
    return [segment(`  step ${step}  ${oneLine(tool)}  `, 'bold'), segment('no outcome yet', 'cyan')];
  const code = outcome.exit_code === null ? '' : `, exit code ${outcome.exit_code}`;
  const limit = outcome.limit === null ? '' : `, limit reached: ${oneLine(outcome.limit)}`;
  const took = `, ${measuredDuration(outcome.duration_ms)}`;
  return [
    segment(`  step ${step}  ${oneLine(tool)}  `, 'bold'),
    segment(outcome.kind, outcome.kind === 'ok' ? 'green' : 'red'),
    segment(`${code}${limit}${took}`),
  ];
}

const FORM_WORDS: Readonly<Record<string, string>> = {
  native: 'native tool call',
  json_schema: 'JSON schema',
  json_object: 'JSON object',
  plain: 'plain text',
};

function modelFacts({ model, form, tokens_in, tokens_out, cost_usd, model_ms, first_token_ms }: StepReport): string {
  const first = first_token_ms === null ? '' : ` (first text after ${measuredDuration(first_token_ms)})`;
  return [
    model,
    `${tokens_in} + ${tokens_out} tokens`,
    shownUsd(cost_usd),
    ...(form === null ? [] : [`asked for as ${FORM_WORDS[form] ?? form}`]),
    ...(model_ms === null ? [] : [`${measuredDuration(model_ms)}${first}`]),
  ].join(', ');
}

type Cut = (text: string) => readonly string[];

/** A command's observation is a JSON object with stdout and stderr, a file's one with content; others are text. */
function outputLines({ step, outcome }: StepReport, { outputs }: AttemptTextOptions, cut: Cut): readonly Part[] {
  const found = outputs.get(step);
  if (found !== undefined) return [...fileBlock('stdout', found.stdout), ...fileBlock('stderr', found.stderr)];
  if (outcome === null) return [];
  const fields = jsonObject(outcome.output);
  if (fields === null) return block('output', cut(outcome.output));
  return Object.entries(fields)
    .filter(([name, value]) => !SHOWN_ELSEWHERE.has(name) && value !== '' && value !== null)
    .flatMap(([name, value]) => block(oneLine(name), cut(typeof value === 'string' ? value : JSON.stringify(value))));
}

/** The arguments and the heading have these. */
const SHOWN_ELSEWHERE: ReadonlySet<string> = new Set(['command', 'exit_code', 'success', 'path', 'mode', 'limit']);

/** A label, then its text: on the same line if it is one line, else below it. */
function block(label: string, lines: readonly string[], tone: Tone = 'plain'): readonly Line[] {
  const [first, ...more] = lines;
  if (first === undefined || (more.length === 0 && first === '')) return [];
  if (more.length === 0) return [[segment(`    ${label}: `, 'dim'), segment(first, tone)]];
  return [[segment(`    ${label}:`, 'dim')], ...lines.map((line): Line => [segment(`      ${line}`, tone)])];
}

function fileBlock(label: string, path: string): readonly Part[] {
  return [[segment(`    ${label}, whole:`, 'dim')], { kind: 'file', path, indent: '      ' }];
}

function headAndTail(lines: readonly string[]): readonly string[] {
  if (lines.length <= HEAD_LINES + TAIL_LINES + 1) return lines;
  const left = lines.length - HEAD_LINES - TAIL_LINES;
  return [...lines.slice(0, HEAD_LINES), `… ${left} lines left out; --output shows them`, ...lines.slice(-TAIL_LINES)];
}

const BASELINE_WORDS: Readonly<Record<string, string>> = {
  vacuous: 'proves nothing',
  held_before: 'held before',
  not_known: 'not known whether it passed before',
};

function checkLines(check: CheckReport, cut: Cut): readonly Line[] {
  const shown = check.output === null ? [] : cut(check.output.trimEnd());
  return [
    checkLine(check),
    ...(check.before === null ? [] : [[segment(`      before the first step: ${beforeText(check.before)}`, 'dim')]]),
    ...(shown.length === 1 && shown[0] === '' ? [] : shown.map((line): Line => [segment(`      ${line}`)])),
  ];
}

const LONGER = `took longer than ${BASELINE_LIMIT_MS / 1000} s`;

/** What the same command did before the work. */
function beforeText({ workspace, empty }: CheckBaseline): string {
  const text = (code: number) =>
    code === NOT_RUN ? 'not run' : code === BASELINE_TIMED_OUT ? LONGER : `exit code ${code}`;
  return `${text(workspace)} in the workspace, ${text(empty)} in an empty directory`;
}

function checkLine({ name, command, exit_code, duration_ms, baseline }: CheckReport): Line {
  const passed = exit_code === 0;
  return [
    segment(passed ? '    ✓ ' : '    ✗ ', passed ? 'green' : 'red'),
    segment(oneLine(name)),
    segment(baseline === null ? '' : ` (${BASELINE_WORDS[baseline] ?? baseline})`, 'yellow'),
    segment(`  exit code ${exit_code}, ${measuredDuration(duration_ms)}: ${oneLine(command)}`, 'dim'),
  ];
}

function endLines({ status, summary, error, steps }: AttemptReport): readonly Line[] {
  if (error !== null) return block('why it failed', [oneLine(`${error.code}: ${error.text}`)], 'red');
  if (summary !== null) return block('summary', safeLines(summary), 'green');
  return status === 'open' && steps.length === 0 ? [[segment('    no step yet', 'dim')]] : [];
}
