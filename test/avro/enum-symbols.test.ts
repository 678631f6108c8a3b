import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

/**
 * An older build cannot read a record that holds a symbol it does not know: where the enum has no default, the registry
 * refuses the schema, and with one the reader would take the default for the truth. So the list below never grows.
 */
const SYMBOLS: Readonly<Record<string, readonly string[]>> = {
  ApprovalMode: ['none', 'monitoring', 'approval'],
  CircuitState: ['closed', 'open', 'half_open'],
  OnFailure: ['fail', 'ask'],
  StepOutcome: ['ok', 'error', 'refused', 'unknown', 'aborted'],
  TaskKind: ['task', 'verify'],
  TaskResultStatus: ['verified', 'unverified'],
};

const ADVICE =
  'an enum of the events gets no new symbols, and there are no new enums: ' +
  'write the new state as a nullable string field with the default null, or as a new event type';

const enumSchema = z.looseObject({ type: z.literal('enum'), name: z.string(), symbols: z.array(z.string()) });

interface FoundEnum {
  readonly file: string;
  readonly name: string;
  readonly symbols: readonly string[];
}

/** Every enum in a schema but the one that names the event's type, which has exactly one symbol. */
function enumsIn(file: string, schema: unknown): readonly FoundEnum[] {
  const found = enumSchema.safeParse(schema);
  if (found.success) {
    const { name, symbols } = found.data;
    return symbols.length === 1 && name.endsWith('Type') ? [] : [{ file, name, symbols }];
  }
  if (typeof schema !== 'object' || schema === null) return [];
  return Object.values(schema).flatMap((part) => enumsIn(file, part));
}

/** One line for each enum that is not as the list says. */
function faultsOf(enums: readonly FoundEnum[]): readonly string[] {
  return enums.flatMap(({ file, name, symbols }) => {
    const known = SYMBOLS[name];
    if (known === undefined) return [`${file}: the enum ${name} is new; ${ADVICE}`];
    const added = symbols.filter((symbol) => !known.includes(symbol));
    if (added.length > 0) return [`${file}: ${name} has the new symbol ${added.join(', ')}; ${ADVICE}`];
    const removed = known.filter((symbol) => !symbols.includes(symbol));
    return removed.length > 0 ? [`${file}: ${name} lacks ${removed.join(', ')}, which older records hold`] : [];
  });
}

describe('the enums of the events', () => {
  const directory = join(import.meta.dirname, '../../schemas');
  const readAll = async () => {
    const files = (await readdir(directory)).filter((name) => name.endsWith('.avsc'));
    const enums = await Promise.all(
      files.map(async (file) => enumsIn(file, JSON.parse(await readFile(join(directory, file), 'utf8')))),
    );
    return enums.flat();
  };

  test('have the symbols that they have always had', async () => {
    const enums = await readAll();
    expect(faultsOf(enums)).toEqual([]);
    expect([...new Set(enums.map(({ name }) => name))].sort()).toEqual(Object.keys(SYMBOLS));
  });

  test.each([
    ['an added symbol', ['task', 'verify', 'review'], 'TaskKind has the new symbol review; an enum of the events'],
    ['a removed symbol', ['task'], 'TaskKind lacks verify, which older records hold'],
  ])('%s is found, with the advice what to do instead', (_, symbols, fault) => {
    const field = { name: 'kind', type: ['null', { type: 'enum', name: 'TaskKind', symbols }] };
    const enums = enumsIn('some.avsc', { type: 'record', name: 'Some', fields: [field] });
    expect(faultsOf(enums)).toEqual([expect.stringContaining(`some.avsc: ${fault}`)]);
  });

  test('a new enum is found', () => {
    const enums = enumsIn('some.avsc', { type: 'enum', name: 'Mood', symbols: ['good', 'bad'] });
    expect(faultsOf(enums)).toEqual([expect.stringContaining('some.avsc: the enum Mood is new')]);
  });
});
