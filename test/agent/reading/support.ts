import { createStepReader } from '../../../src/agent/reading/read-step.js';
import type { NativeCall } from '../../../src/ports/model.js';
import type { ToolDefinition } from '../../../src/ports/tools.js';
import { TOOL_DEFINITIONS } from '../../../src/tools/definitions.js';

/** A tool with a list, a flag and an object. */
const SEARCH: ToolDefinition = {
  name: 'search_files',
  description: 'Searches.',
  parameters: {
    type: 'object',
    properties: {
      words: { type: 'array', items: { type: 'string' } },
      recursive: { type: 'boolean' },
      range: { type: 'object', properties: { from: { type: 'integer' } }, required: ['from'] },
      limit: { anyOf: [{ type: 'integer' }, { type: 'null' }] },
      depth: { type: ['integer', 'null'] },
    },
    required: ['words'],
  },
  idempotent: () => true,
  validate(args) {
    const {
      words,
      recursive = true,
      range = { from: 1 },
      limit = 1,
      depth = 1,
    }: Record<string, unknown> = Object(args);
    if (!Array.isArray(words)) return 'words must be a list';
    if (typeof recursive !== 'boolean') return 'recursive must be true or false';
    if (typeof Object(range).from !== 'number') return 'range.from must be a number';
    const wrong = Object.entries({ limit, depth }).find(([, value]) => value !== null && typeof value !== 'number');
    return wrong === undefined ? null : `${wrong[0]} must be a number`;
  },
};

const TOOLS: readonly ToolDefinition[] = [...TOOL_DEFINITIONS, SEARCH];

const read = createStepReader(TOOLS);

export const readText = (text: string) => read({ text });
export const readCalls = (toolCalls: readonly NativeCall[], text = '') => read({ text, toolCalls });
export const readReply = read;

/** The call of a text as "tool {arguments}", or the fault. */
export function callOf(reading: ReturnType<typeof read>): string {
  return reading.ok ? `${reading.value.tool} ${JSON.stringify(reading.value.arguments)}` : reading.fault;
}
