// Runs commands one after the other while this process's group gets a terminal's signals; prints each outcome as JSON.
// Arguments: the workspaces' root, how many. Ends with its standard input: while node itself ends, it has no handlers
// any more.
import { once } from 'node:events';
import { createToolExecutor } from '../../dist/tools/tool-executor.js';
import { workspaceMarker } from '../../dist/tools/places.js';
import { systemClock } from './start-broker.mjs';

const [root, count] = process.argv.slice(2);
const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
for (const signal of ['SIGINT', 'SIGQUIT', 'SIGHUP']) process.on(signal, () => undefined);
const tools = createToolExecutor({
  workspaceRoot: root,
  toolboxDir: null,
  extraBinds: [],
  nodePath: process.execPath,
  sandbox: 'off',
  clock: systemClock,
  logger: silent,
});
const task = {
  missionId: 'm1',
  taskId: 't1',
  attempt: 1,
  workspace: null,
  workspaceMarker: await workspaceMarker(root),
};
process.stdout.write('ready\n');
for (let step = 1; step <= Number(count); step++) {
  const call = {
    task,
    step,
    claimOffset: 10,
    timeLimitMs: 30_000,
    tool: 'execute_terminal_command',
    arguments: { command: `echo ${step} >> ledger.txt` },
  };
  const { outcome, observation } = await tools.run(call, new AbortController().signal);
  process.stdout.write(`${JSON.stringify({ step, outcome, observation })}\n`);
}
process.stdin.resume();
await once(process.stdin, 'end');
