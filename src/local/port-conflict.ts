import { composeProjectOnPort } from './docker-engine.js';
import { findPortHolder, isPortTaken } from './port-holder.js';
import { readMarker } from './process-marker.js';
import { StackError } from './stack-error.js';
import type { StackWorld } from './stack-place.js';

/** A port that the stack needs and another process uses. */
export interface PortConflict {
  readonly port: number;
  /** null if the system does not tell. */
  readonly pid: number | null;
  readonly command: string | null;
  /** Directory of the clone or compose project that uses it; null if it is neither. */
  readonly cloneDir: string | null;
}

/** The ports that are in use, with the processes that use them. */
export async function findConflicts(
  ports: readonly number[],
  env: StackWorld['env'],
): Promise<readonly PortConflict[]> {
  const conflicts: PortConflict[] = [];
  for (const port of ports) {
    if (await isPortTaken(port)) conflicts.push(await describeHolder(port, env));
  }
  return conflicts;
}

async function describeHolder(port: number, env: StackWorld['env']): Promise<PortConflict> {
  const holder = await findPortHolder(port);
  const marker = holder === null ? null : readMarker(holder.command);
  const byDocker = holder === null || /\bdocker\b|docker-proxy/.test(holder.command);
  return {
    port,
    pid: holder?.pid ?? null,
    command: holder === null || holder.command === '' ? null : holder.command,
    cloneDir: marker?.cloneDir ?? (byDocker ? await composeProjectOnPort(port, env) : null),
  };
}

/** The error for the user. It names the clone of another stack, or else pid and command. */
export function conflictError(conflicts: readonly PortConflict[]): StackError {
  const clone = conflicts.find(({ cloneDir }) => cloneDir !== null)?.cloneDir ?? null;
  if (clone === null) {
    return new StackError(
      'ports_taken',
      `The local stack cannot start: ${conflicts.map(describe).join('; ')}.`,
      'Stop that process, or set KAFKA_BROKERS and SCHEMA_REGISTRY_URL to use another broker and registry.',
    );
  }
  const held = conflicts.map(({ port, pid }) => (pid === null ? `${port}` : `${port} (pid ${pid})`)).join(', ');
  return new StackError(
    'foreign_stack',
    `A local stack of another clone is running: ${clone} uses ${conflicts.length === 1 ? 'port' : 'ports'} ${held}.`,
    `Stop it with: cd ${quoted(clone)} && npx ravenhelm stack down\n` +
      'Or share it: set KAFKA_BROKERS and SCHEMA_REGISTRY_URL to the addresses that npx ravenhelm stack status ' +
      'prints there.',
  );
}

function describe({ port, pid, command }: PortConflict): string {
  if (pid === null) return `port ${port} is used by a process of another user`;
  return `port ${port} is used by pid ${pid}${command === null ? '' : ` (${shorten(command)})`}`;
}

/** Quoted for the shell. */
function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

const COMMAND_LENGTH = 120;

function shorten(command: string): string {
  return command.length <= COMMAND_LENGTH ? command : `${command.slice(0, COMMAND_LENGTH)} …`;
}
