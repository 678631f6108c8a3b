/** npm run eval: runs what was asked for and prints what it came to. */
import { join } from 'node:path';
import type { ModelOptions } from '../src/index.js';
import { differences, readExpectations } from './expected.js';
import { completesHello, readHello, type Hello } from './hello.js';
import { chosen, parseOptions, USAGE, WrongUse, type EvalOptions } from './options.js';
import { PERSONALITIES } from './personalities/all.js';
import type { Knowledge } from './personalities/personality.js';
import { startPersonalities } from './personalities/server.js';
import { resultOf, resultsTable, type TaskResult } from './results.js';
import { readTasks, TaskFileError, type EvalTask } from './task-files.js';
import { judgeAfter, runTrial, type Verdict } from './trial.js';

export interface Places {
  readonly projectDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Resolves with the exit code. */
export async function main(argv: readonly string[], places: Places): Promise<number> {
  try {
    const options = parseOptions(argv);
    if (options === null) return print(USAGE, 0);
    const tasks = chosen('--tasks', await readTasks(join(places.projectDir, 'eval/tasks')), options.tasks);
    if (options.kind === 'validate') return await validate(tasks, options);
    if (options.kind === 'scripted') return await runScripted(places, tasks, options);
    const results = await runChain(tasks, options, modelsFrom(places.env, options.models));
    print(options.json ? `${JSON.stringify(results, null, 2)}\n` : resultsTable(options.models.join(', '), results), 0);
    return 0;
  } catch (error) {
    if (!(error instanceof WrongUse || error instanceof TaskFileError)) throw error;
    process.stderr.write(`${error.message}\nnpm run eval -- --help lists the options.\n`);
    return 2;
  }
}

function print(text: string, exitCode: number): number {
  process.stdout.write(text);
  return exitCode;
}

function modelsFrom(env: Places['env'], workers: readonly string[]): ModelOptions {
  return {
    workers,
    ...(env['ANTHROPIC_API_KEY'] === undefined ? {} : { anthropicApiKey: env['ANTHROPIC_API_KEY'] }),
    ...(env['OPENAI_API_KEY'] === undefined ? {} : { openaiApiKey: env['OPENAI_API_KEY'] }),
    ...(env['ANTHROPIC_BASE_URL'] === undefined ? {} : { anthropicBaseUrl: env['ANTHROPIC_BASE_URL'] }),
    ...(env['OPENAI_BASE_URL'] === undefined ? {} : { openaiBaseUrl: env['OPENAI_BASE_URL'] }),
    ...(env['OLLAMA_HOST'] === undefined ? {} : { ollamaHost: env['OLLAMA_HOST'] }),
  };
}

/** Every trial of every task, some side by side. */
async function runChain(tasks: readonly EvalTask[], options: EvalOptions, models: ModelOptions): Promise<TaskResult[]> {
  const { trials, timeoutSeconds, retries, parallel } = options;
  const wanted = tasks.flatMap((task) => Array.from({ length: trials }, () => task));
  const found = await inParallel(wanted, parallel, (task) =>
    runTrial(task, { models, timeoutSeconds, maxSteps: 20, retries }),
  );
  return tasks.map((task) =>
    resultOf(
      task,
      found.filter((_, index): boolean => wanted[index] === task),
    ),
  );
}

/** Results in the order of the items. */
async function inParallel<T, R>(items: readonly T[], parallel: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < items.length; index = next++) {
      const item = items[index];
      if (item !== undefined) results[index] = await work(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, items.length) }, worker));
  return results;
}

/** Each personality on its tasks and on the hello mission; exit 1 where it is not as expected. */
async function runScripted({ projectDir }: Places, tasks: readonly EvalTask[], options: EvalOptions): Promise<number> {
  const expectations = await readExpectations(join(projectDir, 'eval/expected.yaml'));
  const all = Object.keys(PERSONALITIES).map((name) => ({ name }));
  const personalities = chosen('--personality', all, options.personalities);
  const { knowledge } = await readHello(projectDir, options.timeoutSeconds);
  const server = await startPersonalities((prompt) => knowledgeOf(tasks, prompt) ?? knowledge(prompt));
  try {
    // Two side by side: where one waits for a model's time limit, the other has the processor. They share --parallel.
    const lanes = Math.min(options.parallel, personalities.length, 2);
    const ofLane = { ...options, parallel: Math.floor(options.parallel / lanes) };
    const compared = await inParallel(personalities, lanes, async ({ name }) => {
      const expected = expectations[name];
      if (expected === undefined) throw new WrongUse(`eval/expected.yaml has no line for ${name}`);
      const own = tasks.filter((task) => expected.tasks?.includes(task.name) ?? true);
      const models = { workers: [`ollama:${name}`], ollamaHost: server.url };
      const timeoutSeconds = expected.timeout_seconds ?? options.timeoutSeconds;
      const results = await runChain(own, { ...ofLane, timeoutSeconds }, models);
      const mission =
        options.tasks === null ? await helloUnder(await readHello(projectDir, timeoutSeconds), name, server.url) : null;
      if (!options.json) process.stdout.write(`${resultsTable(name, results)}${helloLine(mission)}\n`);
      const ofMission = mission === null ? [] : helloDifferences(name, expected.solvable === 'all', mission);
      return {
        document: { personality: name, results, mission },
        wrong: [...differences(name, expected, results), ...ofMission],
      };
    });
    return conclude(compared, options);
  } finally {
    await server.close();
  }
}

function conclude(
  compared: readonly { readonly document: object; readonly wrong: readonly string[] }[],
  { json }: EvalOptions,
): number {
  const wrong = compared.flatMap((each) => each.wrong);
  const result = { personalities: compared.map(({ document }) => document), wrong };
  if (json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  else for (const line of wrong) process.stdout.write(`not as expected: ${line}\n`);
  if (!json && wrong.length === 0) process.stdout.write('all as expected in eval/expected.yaml\n');
  return wrong.length === 0 ? 0 : 1;
}

function knowledgeOf(tasks: readonly EvalTask[], prompt: string): Knowledge | null {
  const task = tasks.find(({ name }) => prompt.includes(`Task ${name}. `));
  return task === undefined ? null : { solution: task.solution, wrong: task.wrong, cheat: task.cheat ?? task.wrong };
}

interface HelloResult {
  readonly alone: boolean;
  readonly withPlaybook: boolean;
  readonly reasons: readonly string[];
}

async function helloUnder(hello: Hello, name: string, url: string): Promise<HelloResult> {
  const alone = await completesHello(hello, [`ollama:${name}`], url);
  const behind = await completesHello(hello, [`ollama:${name}`, 'playbook'], url);
  return {
    alone: alone.completed,
    withPlaybook: behind.completed,
    reasons: [alone.reason, behind.reason].filter((reason) => reason !== ''),
  };
}

function helloDifferences(name: string, canSolve: boolean, { alone, withPlaybook, reasons }: HelloResult): string[] {
  return [
    ...(alone === canSolve
      ? []
      : [`${name}: hello.yaml ${alone ? 'completed' : 'did not complete'}: ${reasons.join('; ')}`]),
    ...(withPlaybook ? [] : [`${name}: hello.yaml did not complete with a playbook behind it: ${reasons.join('; ')}`]),
  ];
}

function helloLine(mission: HelloResult | null): string {
  const words = (completed: boolean) => (completed ? 'completed' : 'not completed');
  return mission === null
    ? ''
    : `missions/hello.yaml: ${words(mission.alone)}; with the playbook behind it: ${words(mission.withPlaybook)}\n`;
}

/** Whether each task's checks pass after its solution only; of an impossible one, after none of the two. */
async function validate(tasks: readonly EvalTask[], { parallel }: EvalOptions): Promise<number> {
  const lines = await inParallel(tasks, parallel, async (task) => {
    const untouched = await judgeAfter(task, null);
    const wrong = await judgeAfter(task, task.wrong);
    const solution = await judgeAfter(task, task.solution);
    const valid = !untouched.passes && !wrong.passes && solution.passes === (task.impossible === undefined);
    const words = ({ passes }: Verdict) => (passes ? 'pass' : 'fail');
    const facts = `untouched ${words(untouched)}, wrong ${words(wrong)}, solution ${words(solution)}`;
    const text = valid ? `valid  ${task.name}: ${facts}` : `NOT VALID  ${task.name}: ${facts} ${solution.reason}`;
    return { valid, text: `${text}\n` };
  });
  for (const { text } of lines) process.stdout.write(text);
  return lines.every(({ valid }) => valid) ? 0 : 1;
}
