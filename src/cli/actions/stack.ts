import type { StackStatus } from '../../local/local-stack.js';
import type { CommandContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { clusterText } from '../../swarm/open-log.js';
import { portsHeld, projectStack } from '../open-log.js';
import { table } from '../table.js';

/** Starts the local stack, or finds it running. */
export async function stackUp(context: CommandContext): Promise<ExitCode> {
  const stack = await projectStack(context).up({ progress: context.say, signal: context.host.interruption });
  if (context.json)
    context.print({
      kind: stack.kind,
      brokers: stack.brokers,
      registry_url: stack.registryUrl,
      started: stack.started,
    });
  else context.say(`the local stack ${stack.started ? 'is up' : 'was up already'}: ${clusterText(stack)}`);
  return EXIT.done;
}

/** Stops what this clone started; its data stays. */
export async function stackDown(context: CommandContext): Promise<ExitCode> {
  const stopped = await projectStack(context).down({ progress: context.say });
  if (context.json) context.print({ stopped });
  else context.say(stopped.length === 0 ? 'the local stack was not running' : `stopped: ${stopped.join(', ')}`);
  return EXIT.done;
}

/** Exit 0 when it is up, 3 when it is not. */
export async function stackStatus(context: CommandContext): Promise<ExitCode> {
  const status = await projectStack(context).status();
  if (context.json) context.print(document(status));
  else context.host.stdout.write(stackText(status));
  return status.state === 'up' ? EXIT.done : EXIT.unreachable;
}

function document(status: StackStatus) {
  return {
    state: status.state,
    kind: status.kind,
    brokers: status.brokers,
    registry_url: status.registryUrl,
    data_dir: status.dataDir,
    services: status.services,
    conflicts: status.conflicts,
  };
}

/** The stack for people: what answers, or who holds its ports and the ways out; lines end in line breaks. */
export function stackText(status: StackStatus): string {
  const head = `${headline(status)}\n`;
  const services = status.services.map((service) => [
    ` ${service.name}`,
    service.answering ? 'answers' : 'does not answer',
    `port ${service.port}`,
    service.pid === null ? '' : `pid ${service.pid}`,
    service.log ?? '',
  ]);
  const { conflicts } = status;
  const held = conflicts.length === 0 ? '' : `${portsHeld(conflicts)}\n`;
  return head + held + (status.state === 'down' ? '' : table(services)) + `data: ${status.dataDir}\n`;
}

function headline(status: StackStatus): string {
  const { state, kind, services, conflicts } = status;
  if (state === 'down')
    return `the local stack is down${conflicts.length === 0 ? '; npx ravenhelm stack up starts it' : ''}`;
  if (state === 'up') return `the local stack is up: ${clusterText(status)}`;
  const parts = services.map(
    ({ name, answering, pid }) =>
      `the ${name} ${answering ? 'answers' : pid === null && kind === 'java' ? 'does not run' : 'does not answer'}`,
  );
  return `the local stack is only partly up: ${parts.join(', ')}; npx ravenhelm stack up starts what is missing`;
}
