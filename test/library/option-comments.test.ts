/** Numbers among the library's options: their comments say the range that is checked. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RANGES, type RangeName } from '../../src/domain/ranges.js';

const SRC = join(import.meta.dirname, '../../src');

/** Each option of a file that is a number, with its comment. */
function numbersIn(file: string): readonly { readonly option: string; readonly comment: string }[] {
  const text = readFileSync(join(SRC, file), 'utf8');
  const found = text.matchAll(/\/\*\*((?:(?!\*\/)[^])*)\*\/\s*(?:readonly )?(\w+)\?: number;/g);
  return [...found].map(([, comment = '', option = '']) => ({ option, comment }));
}

const FILES: Readonly<Record<string, Readonly<Record<string, RangeName>>>> = {
  'swarm/create-swarm.ts': {
    drainMs: 'createSwarm drainMs',
    usd: 'RAVENHELM_DAILY_USD',
    tokens: 'RAVENHELM_DAILY_TOKENS',
  },
  'swarm/define-agent.ts': {
    phase: 'agent phase',
    concurrency: 'agent concurrency',
    timeoutSeconds: 'agent timeout_seconds',
    maxSteps: 'agent max_steps',
  },
  'swarm/logs.ts': { maxRecordBytes: 'memoryLog maxRecordBytes', sessionTimeoutMs: 'kafkaLog sessionTimeoutMs' },
  'client/client.ts': { wave: 'diff --wave', attempt: 'show --attempt' },
  'client/mission-definition.ts': {
    usd: 'mission budget.usd',
    tokens: 'mission budget.tokens',
    minutes: 'mission budget.minutes',
    retries: 'mission retries',
    timeoutSeconds: 'task timeout_seconds',
  },
  'client/recover.ts': { partition: 'recover partition' },
};

test.each(Object.entries(FILES))('%s', (file, ranges) => {
  const numbers = numbersIn(file);
  expect(numbers.map(({ option }) => option)).toEqual(Object.keys(ranges));
  for (const { option, comment } of numbers) {
    const range = RANGES[ranges[option] ?? raise(option)];
    expect(`${option}: ${comment}`).toContain(`${range.least} to ${range.most}`);
  }
});

function raise(option: string): never {
  throw new Error(`${option} has no range`);
}
