import { dirname } from 'node:path';
import type { NetworkAccess } from '../../ports/tools.js';
import { CallRefused } from '../errors.js';
import type { RunPlace } from '../places.js';
import { prepareEtc } from '../shared-files.js';
import { reasonOf } from '../system-errors.js';
import { mountedIn, type MountingRuntime, type ToolRuntime } from '../tool-runtime.js';
import { openGateway } from './gateway.js';
import { hostLines, proxyVariables, relayRequest } from './inside.js';

/**
 * Runs a launcher in a place with the network that a call has; without one, and without a sandbox, in the place as it
 * is. When this resolves or rejects, every connection is closed and recorded; a worker that is killed records no more.
 * Throws CallRefused if the network cannot be made.
 */
export async function withNetwork<T>(
  runtime: MountingRuntime & Pick<ToolRuntime, 'sandbox' | 'clock' | 'lookup'>,
  place: RunPlace,
  access: NetworkAccess | undefined,
  run: (place: RunPlace) => Promise<T>,
): Promise<T> {
  const { sandbox, clock, lookup } = runtime;
  if (access === undefined || access.hosts.length === 0 || sandbox === 'off' || !sandbox.ok) return run(place);
  const { hosts } = access;
  const { account } = place;
  const onConnection = access.onConnection.bind(access);
  const resolving = lookup === undefined ? {} : { lookup };
  const gateway = await openGateway({
    hosts,
    account,
    mounted: mountedIn(runtime, place),
    clock,
    onConnection,
    ...resolving,
  }).catch(refused);
  try {
    const { proxy, direct } = gateway;
    const request = relayRequest({ hosts, proxy, direct, account });
    const etcDir = await etcOf(place, hostLines(hosts)).catch(refused);
    return await run({ ...place, etcDir, network: { relayRequest: request, variables: proxyVariables() } });
  } finally {
    await gateway.close();
  }
}

function refused(error: unknown): never {
  throw new CallRefused(`the network of the call cannot be made: ${reasonOf(error)}`, 'network');
}

const prepared = new Map<string, Promise<string>>();

/** Beside the /etc of sandboxes without a network; written once. */
function etcOf({ etcDir, account }: RunPlace, names: string): Promise<string> {
  const user = account ?? { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const state = dirname(etcDir);
  const key = `${etcDir} ${names}`;
  const files = prepared.get(key) ?? prepareEtc(state, user, names);
  prepared.set(key, files);
  files.catch(() => prepared.delete(key));
  return files;
}
