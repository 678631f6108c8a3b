import { LineCounter, parseDocument, visit, type Document } from 'yaml';
import { z } from 'zod';
import type { ToolCalls } from './capabilities.js';
import { sameOllamaModel } from './ollama-name.js';
import { RANGES, rangeText, type RangeName } from '../domain/ranges.js';
import type { Price } from './price.js';

export type Provider = 'anthropic' | 'openai' | 'ollama';
export type Effort = 'low' | 'medium' | 'high';

/** A model as models.yaml describes it. */
export interface ModelEntry {
  readonly id: string;
  readonly provider: Provider;
  /** Prompt and reply together, in tokens; num_ctx for Ollama. */
  readonly contextTokens: number;
  readonly maxOutputTokens: number;
  /** The most tokens that a thinking model uses in addition to the reply. */
  readonly thinkingTokens: number;
  /** Ollama: whether the model writes its thinking before the reply. */
  readonly thinking: boolean;
  readonly effort: Effort | null;
  /** Whether steps are asked for as the API's own tool calls or as JSON. */
  readonly toolCalls: ToolCalls;
  /** Whether the API accepts a temperature for this model. */
  readonly temperature: boolean;
  readonly price: Price;
}

export interface ModelCatalog {
  /** Date of the ids and prices, YYYY-MM-DD. */
  readonly asOf: string;
  /** The model that a provider's name without an id selects, for a planner and for a worker. */
  readonly defaults: Readonly<Record<'planner' | 'worker', Readonly<Record<Provider, string>>>>;
  /** All models that have an entry. */
  readonly models: readonly ModelEntry[];
  /** The entry of a hosted model; null if the file has none. */
  hosted(provider: Exclude<Provider, 'ollama'>, id: string): ModelEntry | null;
  /** The entry of an Ollama model. A model without one gets the file's defaults for Ollama. */
  ollama(id: string): ModelEntry;
}

/** models.yaml cannot be used. The message names the file, the line and the problem. */
export class CatalogError extends Error {
  readonly code = 'model_catalog';
  readonly retriable = false;
}

/** Room for the thinking of a local model; it counts towards num_predict. */
const THINKING_TOKENS = 4_096;
const toolCalls = z.enum(['native', 'json', 'auto']).default('auto');
function numberIn(name: RangeName): z.ZodNumber {
  const range = RANGES[name];
  const must = `must be ${rangeText(range)}`;
  return (range.whole ? z.int(must) : z.number(must)).min(range.least, must).max(range.most, must);
}

const dollars = numberIn('model price');
const hosted = {
  id: z.string().min(1),
  context_tokens: numberIn('model context_tokens'),
  max_output_tokens: numberIn('model max_output_tokens'),
  thinking_tokens: numberIn('model thinking_tokens').default(0),
  effort: z.enum(['low', 'medium', 'high']).nullable().default(null),
  tool_calls: toolCalls,
  usd_per_million_tokens: z.strictObject({
    input: dollars,
    output: dollars,
    cache_read: dollars.nullable().default(null),
    cache_write: dollars.nullable().default(null),
  }),
};
const modelSchema = z.discriminatedUnion('provider', [
  z.strictObject({
    ...hosted,
    provider: z.literal('anthropic'),
    temperature: z.literal(false, { error: 'must be false: the Messages API of the pinned SDK has no temperature' }),
  }),
  z.strictObject({ ...hosted, provider: z.literal('openai'), temperature: z.boolean() }),
  z.strictObject({
    provider: z.literal('ollama'),
    id: z.string().min(1),
    context_tokens: numberIn('model context_tokens'),
    thinking: z.boolean().default(false),
    thinking_tokens: numberIn('model thinking_tokens').optional(),
    tool_calls: toolCalls,
  }),
]);
const byProvider = z.strictObject({ anthropic: z.string(), openai: z.string(), ollama: z.string() });
interface Sized {
  readonly context_tokens: number;
  readonly thinking_tokens?: number | undefined;
}
/** A reply has half of the context at most, and the prompt what is left. */
const thinkingAtMost = (contextTokens: number): number => Math.floor(contextTokens / 4);

const fileSchema = z
  .strictObject({
    as_of: z.iso.date(),
    defaults: z.strictObject({ planner: byProvider, worker: byProvider }),
    ollama: z.strictObject({
      context_tokens: numberIn('model context_tokens'),
      thinking: z.boolean(),
      thinking_tokens: numberIn('model thinking_tokens').optional(),
      tool_calls: toolCalls,
    }),
    models: z.array(modelSchema),
  })
  .superRefine((file, context) => {
    const leavesNoRoom = (path: (string | number)[], { context_tokens, thinking_tokens = 0 }: Sized) => {
      const most = thinkingAtMost(context_tokens);
      if (thinking_tokens <= most) return;
      const message =
        `must be at most a quarter of context_tokens (${most}), or nothing is left for the prompt; ` +
        `it is ${thinking_tokens}`;
      context.addIssue({ code: 'custom', path: [...path, 'thinking_tokens'], message });
    };
    leavesNoRoom(['ollama'], file.ollama);
    file.models.forEach((model, index) => {
      leavesNoRoom(['models', index], model);
      if (file.models.findIndex((other) => sameModel(other, model)) < index) {
        context.addIssue({
          code: 'custom',
          path: ['models', index, 'id'],
          message: `${model.provider}:${model.id} is listed twice`,
        });
      }
    });
    for (const role of ['planner', 'worker'] as const) {
      for (const provider of ['anthropic', 'openai'] as const) {
        const id = file.defaults[role][provider];
        if (!file.models.some((model) => sameModel(model, { provider, id }))) {
          context.addIssue({
            code: 'custom',
            path: ['defaults', role, provider],
            message: `${id} has no entry under models`,
          });
        }
      }
    }
  });

/**
 * Reads models.yaml. Throws CatalogError for invalid content; the message names the file and the line.
 * @param text the file's content
 * @param fileName the file's name in errors
 */
export function parseCatalog(text: string, fileName: string): ModelCatalog {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [syntaxError] = document.errors;
  if (syntaxError !== undefined) {
    throw new CatalogError(`${fileName}:${placeAt(lines, syntaxError.pos[0])}: ${syntaxError.message.split('\n')[0]}`);
  }
  if (document.contents === null) throw new CatalogError(`${fileName} is empty; restore it with git`);
  const parsed = fileSchema.safeParse(contentOf(document, lines, fileName));
  if (!parsed.success) {
    const found = parsed.error.issues.map((issue) => {
      const place = `${fileName}:${placeOf(document, lines, issue.path)}`;
      return issue.path.length === 0
        ? `${place}: the file must be a map with as_of, defaults, ollama and models (${issue.message})`
        : `${place}: ${issue.path.join('.')}: ${issue.message}`;
    });
    throw new CatalogError(`${found.join('\n')}\ncorrect the file, or restore it with git`);
  }
  return catalogOf(parsed.data);
}

/** The YAML library finds out about aliases (*name) only here: one without an anchor, or too many of them. */
function contentOf(document: Document, lines: LineCounter, fileName: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    const found = danglingAlias(document, lines);
    const place = found === null ? fileName : `${fileName}:${found}`;
    throw new CatalogError(`${place}: ${error.message}; write the value out, or restore the file with git`, {
      cause: error,
    });
  }
}

/** Line and column of the first alias that has no anchor before it; null: each has one. */
function danglingAlias(document: Document, lines: LineCounter): string | null {
  let place: string | null = null;
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return undefined;
      place = alias.range === null || alias.range === undefined ? null : placeAt(lines, alias.range[0]);
      return visit.BREAK;
    },
  });
  return place;
}

function catalogOf(file: z.infer<typeof fileSchema>): ModelCatalog {
  const models = file.models.map(entryOf);
  return {
    asOf: file.as_of,
    defaults: file.defaults,
    models,
    hosted: (provider, id) => models.find((model) => sameModel(model, { provider, id })) ?? null,
    ollama: (id) =>
      models.find((model) => sameModel(model, { provider: 'ollama', id })) ??
      entryOf({ provider: 'ollama', id, ...file.ollama }),
  };
}

const FREE: Price = { input: 0, output: 0, cacheRead: null, cacheWrite: null };

const usualThinking = (contextTokens: number): number => Math.min(THINKING_TOKENS, thinkingAtMost(contextTokens));

function entryOf(model: z.infer<typeof modelSchema>): ModelEntry {
  const common = {
    id: model.id,
    provider: model.provider,
    contextTokens: model.context_tokens,
    toolCalls: model.tool_calls,
  };
  if (model.provider === 'ollama') {
    return {
      ...common,
      maxOutputTokens: model.context_tokens,
      thinkingTokens: model.thinking ? (model.thinking_tokens ?? usualThinking(model.context_tokens)) : 0,
      thinking: model.thinking,
      effort: null,
      temperature: true,
      price: FREE,
    };
  }
  const { input, output, cache_read, cache_write } = model.usd_per_million_tokens;
  return {
    ...common,
    maxOutputTokens: model.max_output_tokens,
    thinkingTokens: model.thinking_tokens,
    thinking: model.thinking_tokens > 0,
    effort: model.effort,
    temperature: model.temperature,
    price: { input, output, cacheRead: cache_read, cacheWrite: cache_write },
  };
}

function sameModel(a: { provider: Provider; id: string }, b: { provider: Provider; id: string }): boolean {
  return a.provider === b.provider && (a.provider === 'ollama' ? sameOllamaModel(a.id, b.id) : a.id === b.id);
}

function placeAt(lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset);
  return `${line}:${col}`;
}

/** Line and column of the innermost node of the path that exists. */
function placeOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): string {
  for (let length = path.length; length > 0; length -= 1) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    const position = rangeStart.safeParse(node);
    if (position.success) return placeAt(lines, position.data.range[0]);
  }
  return '1:1';
}

const rangeStart = z.object({ range: z.tuple([z.number()], z.unknown()) });
