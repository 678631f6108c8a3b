/** eval/expected.yaml: what the scripted personalities must come to. */
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import type { TaskResult } from './results.js';

const expectationSchema = z.strictObject({
  solvable: z.enum(['all', 'none']),
  impossible: z.array(z.string()),
  tasks: z.array(z.string()).optional(),
  timeout_seconds: z.int().min(1).max(3600).optional(),
});

export type Expectation = z.output<typeof expectationSchema>;

export async function readExpectations(file: string): Promise<Readonly<Record<string, Expectation>>> {
  return z.record(z.string(), expectationSchema).parse(parse(await readFile(file, 'utf8')));
}

/** What is not as expected, one line each. */
export function differences(name: string, expected: Expectation, results: readonly TaskResult[]): readonly string[] {
  return results.flatMap((result) => {
    const falsely = expected.impossible.includes(result.task);
    const lines: string[] = [];
    if (falsely !== result.falseSuccesses > 0)
      lines.push(`${name}: ${result.task}: ${falsely ? 'no false success' : 'a false success'}`);
    const solves = expected.solvable === 'all';
    if (!result.impossible && (solves ? !result.passAll : result.solved > 0))
      lines.push(
        `${name}: ${result.task}: ${solves ? `not solved: ${result.reasons.join('; ')}` : 'solved, which it cannot'}`,
      );
    return lines;
  });
}
