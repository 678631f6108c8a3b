/** npm run bench: runs what was asked for, on a broker where it needs one, and prints what was found. */
import { taskOf, USAGE, WrongUse, type Task } from './options.js';
import { runPressure } from './pressure/pressure.js';
import { measureRebalance } from './scale/rebalance.js';
import { describeFloors, measureFloors } from './speed/floors.js';
import { measureHistory } from './speed/history.js';
import { measureMissions } from './speed/missions.js';
import { measureMissionSize } from './speed/mission-size.js';
import { measureSandbox } from './speed/sandbox.js';
import { measureSnapshots } from './speed/snapshots.js';
import { runSpeed } from './speed/speed.js';
import type { Cluster } from './support/product-log.js';
import { closeAll, closeOnce } from './support/closing.js';
import { reportAsText, type Finding } from './support/report.js';

export interface Places {
  readonly projectDir: string;
  /** Calls back when the person stops the bench. */
  onInterrupt(listener: () => void): void;
  findCluster(): Promise<Cluster & { stop(): Promise<void> }>;
}

/** Resolves with the exit code: 0 when it was measured, 2 for wrong use, 130 when it was interrupted. */
export async function main(argv: readonly string[], places: Places): Promise<number> {
  let task: Task;
  try {
    task = taskOf(argv);
  } catch (error) {
    if (!(error instanceof WrongUse)) throw error;
    return print(process.stderr, `${error.message}\nnpm run bench -- --help lists the options.\n`, 2);
  }
  if (task.kind === 'help') return print(process.stdout, USAGE, 0);
  const interrupted = new Promise<'interrupted'>((resolve) => places.onInterrupt(() => resolve('interrupted')));
  const findings: Finding[] = [];
  const report = () => (task.json ? `${JSON.stringify(findings, null, 2)}\n` : reportAsText(findings));
  const measuring = measure(task, places);
  try {
    for (;;) {
      const found = await Promise.race([measuring.next(), interrupted]);
      if (found === 'interrupted') {
        print(process.stdout, report(), 130); // what was found until then
        return print(process.stderr, 'interrupted\n', 130);
      }
      if (found.done === true) break;
      findings.push(...found.value);
    }
    return print(process.stdout, report(), 0);
  } finally {
    await closeAll();
  }
}

/** What was found, in turns. */
async function* measure(
  task: Extract<Task, { kind: 'measure' }>,
  { projectDir, findCluster }: Places,
): AsyncGenerator<readonly Finding[]> {
  if (task.bench === 'scale') return yield await measureRebalance(task.options);
  if (task.bench === 'speed' && task.parts.every((part) => part === 'mission-size'))
    return yield await measureMissionSize(task.options.rounds);
  if (task.bench === 'speed' && task.parts.every((part) => part === 'sandbox'))
    return yield await measureSandbox(task.options.rounds, projectDir);
  if (task.bench === 'speed' && task.parts.every((part) => part === 'snapshots'))
    return yield await measureSnapshots(task.options.rounds);
  const cluster = await findCluster();
  closeOnce(() => cluster.stop());
  if (task.bench === 'pressure') {
    for (const part of task.parts) yield await runPressure(say(part), { ...task.options, cluster, projectDir });
    return;
  }
  // What these are compared with is their own.
  if (task.parts.every((part) => part === 'history'))
    return yield await measureHistory({ ...task.options, cluster, projectDir });
  if (task.parts.every((part) => part === 'missions'))
    return yield await measureMissions({ ...task.options, cluster, projectDir });
  say('floors');
  const floors = await measureFloors(cluster, projectDir, task.options.rounds);
  yield [describeFloors(floors)];
  for (const part of task.parts) yield await runSpeed(say(part), { ...task.options, cluster, projectDir, floors });
}

function say<P extends string>(part: P): P {
  process.stderr.write(`measuring ${part}\n`);
  return part;
}

function print(stream: NodeJS.WriteStream, text: string, exitCode: number): number {
  stream.write(text);
  return exitCode;
}
