/** Commands with a network in both kinds of sandbox. */
import { DEFAULT_LIMITS, type Limits } from '../../../src/domain/limits.js';
import type { NetworkConnection, NetworkHost } from '../../../src/domain/network.js';
import type { ToolOutcome } from '../../../src/ports/tools.js';
import { placeForUser, runAsUser, type UserPlace } from '../as-user.js';
import { createHarness } from '../harness.js';

export interface NetworkResult extends ToolOutcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly connections: readonly NetworkConnection[];
}

export interface NetworkCall {
  readonly hosts: readonly NetworkHost[];
  /** The addresses of names; others have none. */
  readonly names?: Readonly<Record<string, readonly string[]>>;
  /** Of the workspace, by name. */
  readonly files?: Readonly<Record<string, string>>;
  readonly timeLimitMs?: number;
  readonly limits?: Limits;
}

/** Runs a command in a new workspace. */
export type RunWithNetwork = (command: string, call: NetworkCall) => Promise<NetworkResult>;

const LIMIT_MS = 60_000;

const withFiles = (command: string, files: NetworkCall['files'] = {}): string =>
  [...Object.entries(files).map(([name, text]) => `cat > ${name} <<'END-OF-FILE'\n${text}\nEND-OF-FILE`), command].join(
    '\n',
  );

/** In the sandbox that this process makes: as root with setpriv, else in user namespaces. */
const here: RunWithNetwork = async (command, call) => {
  const { hosts, names = {}, files, timeLimitMs = LIMIT_MS, limits = DEFAULT_LIMITS } = call;
  const connections: NetworkConnection[] = [];
  const harness = await createHarness({ lookup: async (host) => found(names[host]) });
  const network = { hosts, onConnection: (connection: NetworkConnection) => void connections.push(connection) };
  const outcome = await harness.sh(withFiles(command, files), { network, timeLimitMs, limits });
  return { ...outcome, connections };
};

function found(addresses: readonly string[] | undefined): readonly string[] {
  if (addresses === undefined) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
  return addresses;
}

let place: UserPlace | null = null;

/** By root only: as another user, in user namespaces. */
const asAnotherUser: RunWithNetwork = async (command, call) => {
  const { hosts, names = {}, files, timeLimitMs = LIMIT_MS, limits = DEFAULT_LIMITS } = call;
  place ??= placeForUser();
  const script = `
const names = ${JSON.stringify(names)};
const lookup = async (host) => {
  if (names[host] === undefined) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
  return names[host];
};
const connections = [];
const networked = createToolExecutor({ ...system, workspaceRoot: root, sandbox, clock, logger, lookup });
const network = { hosts: ${JSON.stringify(hosts)}, onConnection: (connection) => connections.push(connection) };
const command = ${JSON.stringify(withFiles(command, files))};
const outcome = await networked.run({
  task: { ...task, missionId: crypto.randomUUID() }, step: 1, claimOffset: 1, timeLimitMs: ${timeLimitMs},
  tool: 'execute_terminal_command', arguments: { command }, network,
  limits: ${JSON.stringify(limits)},
}, never);
console.log(JSON.stringify({ ...outcome, connections }));`;
  const outcome: ToolOutcome & Pick<NetworkResult, 'connections'> = JSON.parse(await runAsUser(place, script));
  return { ...outcome, ...JSON.parse(outcome.observation) };
};

/** For describe.each: what is tried here. */
export const MODES: readonly (readonly [name: string, run: RunWithNetwork])[] =
  process.getuid?.() === 0
    ? [
        ['as root', here],
        ['as another user', asAnotherUser],
      ]
    : [['as this user', here]];
