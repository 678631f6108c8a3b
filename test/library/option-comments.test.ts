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

/** What a person gives: of these, each member that may be left out says what holds then. */
const GIVEN = /(Options|Definition|Permissions|BudgetLimits|Client|DeadLetters|Approvals)$/;

interface OptionalMember {
  readonly name: string;
  readonly comment: string;
}

/** Of the report of the public API: the optional members, with their own comment or that of the member around them. */
function optionalMembers(report: string): readonly OptionalMember[] {
  const found: OptionalMember[] = [];
  let of = '';
  let own = '';
  let around = '';
  const parts = /^ *\/\*\*((?:(?!\*\/)[^])*)\*\/\n|^export (?:declare )?\w+ (\w+).*\n|^( {4,}).*\n/gm;
  for (const [line, commented, exported, indent = ''] of report.matchAll(parts)) {
    if (exported !== undefined) of = exported;
    if (commented === undefined && exported === undefined) {
      if (indent.length === 4) around = own;
      const comment = own === '' ? around : own;
      if (GIVEN.test(of))
        found.push(
          ...[...line.matchAll(/(\w+)\?: (?!\w+Options)/g)].map(([, name]) => ({ name: `${of}.${name}`, comment })),
        );
    }
    own = commented ?? '';
  }
  return found;
}

test('each option that may be left out says what holds then', () => {
  const members = optionalMembers(readFileSync(join(SRC, '../etc/ravenhelm.api.md'), 'utf8'));
  expect(members.length).toBeGreaterThan(80);
  expect(members.filter(({ comment }) => !/default|absent:/i.test(comment)).map(({ name }) => name)).toEqual([]);
});
