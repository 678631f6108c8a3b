import { z } from 'zod';
import { chooseInstead } from '../domain/did-you-mean.js';
import type { ToolDefinition } from '../ports/tools.js';
import { FINISH } from './step.js';
import { optionalProperties, portableSchema, type PortableSchema } from './portable-schema.js';

/** A model's step: a tool call, or finish with {summary, outputs}. */
export interface Step {
  readonly thought: string;
  /** Tool name, or finish. */
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** A parsed reply, or the reason why it cannot be used, for the model. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

export interface StepSchema {
  /** The schema that constrains the model. */
  readonly jsonSchema: PortableSchema;
  /** Reads {thought, tool, arguments} or {thought, finish: {summary, outputs}}; `action` may wrap the latter part. */
  parse(text: string): Parsed<Step>;
}

/**
 * The schema of a step with these tools. Only a union connects a tool with its arguments. The union is one level down,
 * under `action`, because OpenAI refuses anyOf at the root and variants that start with the same key without an enum,
 * such as `thought` (openai-python #2193).
 */
export function createStepSchema(tools: readonly ToolDefinition[]): StepSchema {
  return { jsonSchema: stepJsonSchema(tools), parse: (text) => parseStep(text, tools) };
}

function stepJsonSchema(tools: readonly ToolDefinition[]): PortableSchema {
  const closed = (properties: Readonly<Record<string, PortableSchema>>): PortableSchema => ({
    type: 'object',
    properties,
    required: Object.keys(properties),
    additionalProperties: false,
  });
  const calls = tools.map((tool) =>
    closed({
      tool: { type: 'string', enum: [tool.name] },
      arguments: portableSchema(tool.parameters, `${tool.name}.parameters`),
    }),
  );
  // Structured output does not support a map with free keys, so outputs are a list of names and values.
  const output = closed({ name: { type: 'string' }, value: { type: 'string' } });
  const finish = closed({ finish: closed({ summary: { type: 'string' }, outputs: { type: 'array', items: output } }) });
  return closed({ thought: { type: 'string' }, action: { anyOf: [...calls, finish] } });
}

const record = z.record(z.string(), z.unknown());

const finishSchema = z.strictObject({
  summary: z.string().trim().min(1, 'must not be empty'),
  outputs: z
    .union(
      [z.record(z.string(), z.string()), z.array(z.strictObject({ name: z.string().min(1), value: z.string() }))],
      { error: 'must be a map of text, or a list of {name, value}' },
    )
    .default({})
    .transform((outputs) =>
      Array.isArray(outputs) ? Object.fromEntries(outputs.map(({ name, value }) => [name, value])) : outputs,
    ),
});

const callSchema = z.strictObject({ thought: z.string(), tool: z.string(), arguments: record });
const finishReplySchema = z.strictObject({ thought: z.string(), finish: finishSchema });

function parseStep(text: string, tools: readonly ToolDefinition[]): Parsed<Step> {
  const json = parseJsonObject(text);
  if (!json.ok) return json;
  const { action, ...rest } = json.value;
  const wrapped = record.safeParse(action);
  const reply = wrapped.success ? { ...rest, ...wrapped.data } : json.value;
  if ('finish' in reply)
    return fromZod(finishReplySchema.safeParse(reply), ({ thought, finish }) => ({
      thought,
      tool: FINISH,
      arguments: finish,
    }));
  const call = fromZod(callSchema.safeParse(reply), (step): Step => step);
  if (!call.ok) return call;
  if (call.value.tool === FINISH)
    return fromZod(finishSchema.safeParse(call.value.arguments), (finish) => ({ ...call.value, arguments: finish }));
  return checkCall(call.value, tools);
}

function checkCall(step: Step, tools: readonly ToolDefinition[]): Parsed<Step> {
  const tool = tools.find((candidate) => candidate.name === step.tool);
  if (!tool) {
    const names = [...tools.map((candidate) => candidate.name), FINISH];
    return { ok: false, reason: `there is no tool "${step.tool}"; ${chooseInstead(step.tool, names)}` };
  }
  const optional = optionalProperties(tool.parameters);
  const args = Object.fromEntries(
    Object.entries(step.arguments).filter(([key, value]) => !(value === null && optional.includes(key))),
  );
  const problem = tool.validate(args);
  return problem === null
    ? { ok: true, value: { ...step, arguments: args } }
    : { ok: false, reason: `the arguments of ${step.tool} are wrong: ${problem}` };
}

/** Parses a reply's text as a JSON object. */
export function parseJsonObject(text: string): Parsed<Readonly<Record<string, unknown>>> {
  try {
    return fromZod(record.safeParse(JSON.parse(text)), (value) => value, 'the reply must be one JSON object');
  } catch (error) {
    if (error instanceof SyntaxError)
      return {
        ok: false,
        reason: `the reply is not JSON (${error.message}); reply with one JSON object and nothing else`,
      };
    throw error;
  }
}

/** The result of zod, with all reasons in one line. */
export function fromZod<T, U>(
  result: z.ZodSafeParseResult<T>,
  map: (value: T) => U,
  title = 'the reply does not have the required format',
): Parsed<U> {
  if (result.success) return { ok: true, value: map(result.data) };
  const reasons = result.error.issues.map((issue) =>
    issue.path.length > 0 ? `${issue.path.join('.')}: ${issue.message}` : issue.message,
  );
  return { ok: false, reason: `${title}: ${reasons.join('; ')}` };
}

/** Parses the arguments of a journaled finish. Throws a ZodError for others. */
export function parseFinish(args: Readonly<Record<string, unknown>>): z.output<typeof finishSchema> {
  return finishSchema.parse(args);
}
