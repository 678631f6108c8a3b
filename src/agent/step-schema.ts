import type { OfferedTool } from '../ports/model.js';
import type { ToolDefinition } from '../ports/tools.js';
import { portableSchema, type PortableSchema } from './portable-schema.js';
import { createStepReader, type StepReader } from './reading/read-step.js';
import { FINISH } from './step.js';

/** How a model is asked for a step with certain tools, and how its reply is read. */
export interface StepSchema {
  /** The schema that constrains a reply in JSON. */
  readonly jsonSchema: PortableSchema;
  /** The tools and finish, for models that are asked for tool calls in their API's own form. */
  readonly tools: readonly OfferedTool[];
  readonly read: StepReader;
}

/** More than a process has sets of tools, one for each agent at most. */
const MOST_KEPT = 64;
const kept: { readonly tools: readonly ToolDefinition[]; readonly schema: StepSchema }[] = [];

/** The schema of a step with these tools, made once: all attempts of an agent have the same tools. */
export function stepSchemaOf(tools: readonly ToolDefinition[]): StepSchema {
  const known = kept.find(
    (one) => one.tools.length === tools.length && one.tools.every((tool, at) => tool === tools[at]),
  );
  if (known !== undefined) return known.schema;
  const schema = createStepSchema(tools);
  if (kept.push({ tools: [...tools], schema }) > MOST_KEPT) kept.shift();
  return schema;
}

/**
 * The schema of a step with these tools. Only a union connects a tool with its arguments. The union is one level down,
 * under `action`, because OpenAI refuses anyOf at the root and variants that start with the same key without an enum,
 * such as `thought` (openai-python #2193).
 */
export function createStepSchema(tools: readonly ToolDefinition[]): StepSchema {
  const offered = tools.map(({ name, description, parameters }) => ({
    name,
    description,
    parameters: portableSchema(parameters, `${name}.parameters`),
  }));
  return { jsonSchema: stepJsonSchema(offered), tools: [...offered, OFFERED_FINISH], read: createStepReader(tools) };
}

function closed(properties: Readonly<Record<string, PortableSchema>>): PortableSchema {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
}

// Structured output does not support a map with free keys, so outputs are a list of names and values.
const output = closed({ name: { type: 'string' }, value: { type: 'string' } });
const finishParameters = closed({ summary: { type: 'string' }, outputs: { type: 'array', items: output } });

const OFFERED_FINISH: OfferedTool = {
  name: FINISH,
  description:
    'Says that the task is done; the acceptance checks are then run. summary: what was done. ' +
    'outputs: small facts, such as paths, for the tasks that depend on this one; never secrets.',
  parameters: finishParameters,
};

function stepJsonSchema(
  tools: readonly { readonly name: string; readonly parameters: PortableSchema }[],
): PortableSchema {
  const calls = tools.map(({ name, parameters }) =>
    closed({ tool: { type: 'string', enum: [name] }, arguments: parameters }),
  );
  const finish = closed({ finish: finishParameters });
  return closed({ thought: { type: 'string' }, action: { anyOf: [...calls, finish] } });
}
