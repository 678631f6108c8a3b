import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CheckRecord } from '../domain/events.js';
import { SIZES } from '../domain/sizes.js';
import { FenceLost, type CheckCall, type CheckRun } from '../ports/tools.js';
import { digestOfText, endsOf, fit, jsonBytes, OBSERVATION_BYTES, readOutputs, type Outputs } from './truncate.js';
import { noteOn, outputPaths, outputsWithin, readLauncherOutcome, TIMED_OUT, type LauncherOutcome } from './outcome.js';
import type { RunPlace } from './places.js';

export interface CheckReport {
  readonly place: RunPlace;
  /** Base name of the step's files; check n uses {stem}-c{n}. */
  readonly stem: string;
  readonly call: CheckCall;
  readonly outputsAt: string;
  /** Why the launcher started nothing; null if it left outcomes. */
  readonly failure: string | null;
  /** What outputs pass before they are cut. */
  redact(text: string): string;
}

const NOT_STARTED = -1;

/** Removes the outcomes of an earlier run of the same checks. */
export async function forgetChecks(place: RunPlace, stem: string, count: number): Promise<void> {
  const paths = Array.from({ length: count }, (_, index) => join(place.run, `${stem}-c${index + 1}.outcome`));
  await Promise.all(paths.map((path) => rm(path, { force: true })));
}

/** Reads the outcomes that the launcher left for a step's checks. Rejects with FenceLost if the launcher was fenced. */
export async function checkResults(report: CheckReport): Promise<CheckRun> {
  const { place, stem, call } = report;
  const results: CheckRecord[] = [];
  const passed: string[] = [];
  let room = SIZES.checkOutputs - SIZES.failedCheckOutput;
  for (const [index, check] of call.checks.entries()) {
    const name = `${stem}-c${index + 1}`;
    const left = report.failure === null ? await readLauncherOutcome(place, name) : null;
    if (left?.reason === 'fenced')
      throw new FenceLost(`A newer claim than ${call.claimOffset} took over the task while its checks ran.`);
    const outputs = left === null ? null : await readOutputs(outputPaths(place, name), report.redact);
    const result =
      left === null || outputs === null
        ? notStarted(check)
        : {
            ...check,
            baseline: null,
            exit_code: exitCodeOf(left),
            duration_ms: left.durationMs,
            output_digest: outputs.digest,
            output: outputOf(report, name, outputs, exitCodeOf(left) === 0 ? room : null),
          };
    room -= jsonBytes(result.output ?? '');
    results.push(result);
    if (result.exit_code !== 0)
      return { passed: false, results, observation: describeFailure(report, passed, result, name, left, outputs) };
    passed.push(`passed: ${check.name}`);
  }
  return { passed: true, results, observation: fit(endsOf(passed.join('\n')), OBSERVATION_BYTES, 'all passed') };
}

/** @param room of all checks' outputs, bytes of JSON; null: the check has failed, and its output has its own room */
function outputOf({ outputsAt }: CheckReport, name: string, { ends }: Outputs, room: number | null): string | null {
  if (room !== null && room < SIZES.passedCheckOutput) return null;
  const budget = (room === null ? SIZES.failedCheckOutput : SIZES.passedCheckOutput) - jsonBytes(STDERR);
  const { stdout, stderr } = outputsWithin(ends, budget, name, outputsAt);
  return stdout === '' || stderr === '' ? stdout + stderr : stdout + STDERR + stderr;
}

/** Between both outputs. */
const STDERR = '\nstderr:\n';

function notStarted(check: { name: string; command: string }): CheckRecord {
  return {
    name: check.name,
    command: check.command,
    exit_code: NOT_STARTED,
    duration_ms: 0,
    output_digest: digestOfText(''),
    baseline: null,
    output: null,
  };
}

/** TIMED_OUT or -1 where the check has not exited by itself. */
export function exitCodeOf(left: LauncherOutcome): number {
  switch (left.reason) {
    case 'exited':
      return left.exitCode;
    case 'timeout':
      return TIMED_OUT;
    case 'broken':
      return NOT_STARTED;
    case 'limit':
    case 'aborted':
    case 'fenced':
    case 'lost':
      return left.exitCode === 0 ? NOT_STARTED : left.exitCode;
  }
}

function describeFailure(
  report: CheckReport,
  passed: readonly string[],
  failed: CheckRecord,
  name: string,
  left: LauncherOutcome | null,
  outputs: Outputs | null,
): string {
  const note =
    report.failure ??
    (left === null ? 'it was not started' : noteOn(left, report.call.timeLimitMs, report.call.limits));
  const head = [
    ...passed,
    `failed: ${failed.name}`,
    `command: ${fit(endsOf(failed.command), 2048, 'the task has the whole command')}`,
    `exit code: ${failed.exit_code}`,
    ...(note === null ? [] : [`note: ${note}`]),
  ].join('\n');
  const shortHead = fit(endsOf(head), OBSERVATION_BYTES / 2, 'earlier checks passed');
  if (outputs === null) return shortHead;
  const budget = OBSERVATION_BYTES - Buffer.byteLength(shortHead) - 64;
  const { stdout, stderr } = outputsWithin(outputs.ends, budget, name, report.outputsAt);
  return `${shortHead}\nstdout:\n${stdout}\nstderr:\n${stderr}`;
}
