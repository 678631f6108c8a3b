import { ClientError } from '../client/client-error.js';
import { RoleFailed } from '../swarm/role-failed.js';
import { CliError } from './cli-error.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { safeLines } from './text-width.js';

/** How a command's failure ends the process. */
export interface Failure {
  readonly exitCode: ExitCode;
  readonly message: string;
  readonly nextStep: string | null;
}

/** Exit codes of the layers' errors, by their codes. */
const EXIT_OF_CODE: Readonly<Record<string, ExitCode>> = {
  broker_unreachable: EXIT.unreachable,
  broker_refused: EXIT.usage,
  registry_refused: EXIT.usage,
  registry_unreachable: EXIT.unreachable,
  broker_failed: EXIT.unreachable,
  member_stopped: EXIT.unreachable,
  append_failed: EXIT.unreachable,
  stack_unavailable: EXIT.unreachable,
  ports_taken: EXIT.unreachable,
  foreign_stack: EXIT.unreachable,
  directory_unusable: EXIT.usage,
  start_failed: EXIT.unreachable,
  stop_failed: EXIT.unreachable,
  interrupted: EXIT.interrupted,
  config: EXIT.usage,
  schema_incompatible: EXIT.usage,
  schema_invalid: EXIT.usage,
  topic_plan_invalid: EXIT.usage,
  topic_missing: EXIT.usage,
  topic_refused: EXIT.usage,
  group_refused: EXIT.usage,
  topic_name_collides: EXIT.usage,
  not_authorized: EXIT.usage,
  deletion_disabled: EXIT.usage,
  access_unavailable: EXIT.usage,
  model_catalog: EXIT.usage,
  unknown_model: EXIT.usage,
  ollama_host: EXIT.usage,
  http_address: EXIT.usage,
  snapshot_unreadable: EXIT.usage,
  workspace: EXIT.usage,
  permission: EXIT.usage,
  no_model: EXIT.usage,
  tool_setup: EXIT.usage,
  planning_failed: EXIT.missionFailed,
  planner_unreachable: EXIT.missionFailed,
  no_planner: EXIT.usage,
  data_loss: EXIT.missionFailed,
};

const NEXT_STEP_OF_CODE: Readonly<Record<string, string>> = {
  topic_missing: 'Or correct RAVENHELM_PREFIX, when the swarm has another one.',
  workspace: 'WORKSPACE_ROOT is the directory of all workspaces, --workspace that of one mission.',
  append_failed: 'Look at the broker, then try again.',
};

/** What to say of an error and with which code to exit. An error that no layer foresaw keeps its stack. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof CliError) return { exitCode: error.exitCode, message: error.message, nextStep: error.nextStep };
  if (error instanceof ClientError) return describeClientError(error);
  const code = textField(error, 'code');
  const exitCode = error instanceof RoleFailed ? exitOfRole(error) : code === null ? undefined : EXIT_OF_CODE[code];
  if (error instanceof Error && code !== null && exitCode !== undefined) {
    const nextStep = textField(error, 'nextStep') ?? NEXT_STEP_OF_CODE[code] ?? null;
    return { exitCode, ...apart(error.message, nextStep) };
  }
  const shown = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return {
    exitCode: EXIT.internal,
    message: `internal error: ${shown}`,
    nextStep: 'This is a bug in Ravenhelm; please report it. LOG_LEVEL=debug shows more.',
  };
}

/** What was right, and changed meanwhile, may be tried again. */
const describeClientError = ({ code, message, nextStep }: ClientError): Failure => ({
  exitCode: code === 'workspace_changed' ? EXIT.missionFailed : EXIT.usage,
  ...{ message, nextStep },
});

/** Messages have their next step at the end, for those who read them alone; here it has its own line. */
function apart(message: string, nextStep: string | null): Pick<Failure, 'message' | 'nextStep'> {
  if (nextStep === null || !message.includes(nextStep)) return { message, nextStep };
  if (!message.endsWith(`. ${nextStep}`)) return { message, nextStep: null };
  return { message: message.slice(0, -nextStep.length - 2), nextStep };
}

/** What only a person can correct has the code that it has at the start, such as a right that was withdrawn. */
export function exitOfRole({ cause }: RoleFailed): ExitCode {
  return EXIT_OF_CODE[textField(cause, 'code') ?? ''] === EXIT.usage ? EXIT.usage : EXIT.roleFailed;
}

/** The failure as it stands on stderr. Brokers and registries may have written parts of it: no control characters. */
export function failureText({ message, nextStep }: Failure): string {
  const [first = '', ...more] = safeLines(message);
  const next = nextStep === null ? [] : safeLines(nextStep).map((line) => `  ${line}`);
  return [`error: ${first}`, ...more, ...next].map((line) => `${line}\n`).join('');
}

function textField(value: unknown, name: string): string | null {
  if (typeof value !== 'object' || value === null) return null;
  const field: unknown = Reflect.get(value, name);
  return typeof field === 'string' ? field : null;
}
