/** Arguments that came as text: OpenAI's API always sends them so, and some models write JSON in a text. */
import { readLooseJson } from './loose-json.js';
import type { Repair } from './repairs.js';

export type TextArguments =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly fault: 'cut' | 'arguments'; readonly reason: string };

/** Whose arguments they are. */
export interface Taker {
  /** Whether the text itself was in quotes that had ended: else nothing shows that it is whole. */
  readonly wasQuoted: boolean;
  readonly name: string;
  /** The argument that a text alone means: the only required one, if it is a text; null: there is none. */
  readonly alone: string | null;
}

export function textArguments(text: string, tool: Taker, repairs: Set<Repair>): TextArguments {
  const values: unknown[] = [];
  let at = text.search(/\S/);
  if (at === -1) return { ok: true, value: {} };
  if (!/[{["]/.test(text[at] ?? '')) return bare(text, tool, repairs);
  while (at < text.length) {
    const read = readLooseJson(text, at, repairs);
    if (read.kind === 'cut')
      return { ok: false, fault: 'cut', reason: `the arguments of ${tool.name} end inside ${read.inside}` };
    if (read.kind === 'wrong') return notJson(tool, read.what);
    values.push(read.value);
    at = read.end + (/^[\s\0-\x20]*/.exec(text.slice(read.end))?.[0].length ?? 0);
  }
  return one(values, tool, repairs);
}

/**
 * Servers send an empty object before the arguments (openai-agents-js #712, llama-stack #5464), or the arguments twice
 * (mudler/cogito #66).
 */
function one(values: readonly unknown[], tool: Taker, repairs: Set<Repair>): TextArguments {
  const distinct = new Map(values.map((value) => [JSON.stringify(value), value]));
  if (distinct.size > 1 && distinct.delete('{}')) repairs.add('empty_arguments');
  else if (values.length > 1) repairs.add('repeated');
  const [value, ...others] = [...distinct.values()];
  if (others.length > 0) return notJson(tool, 'there are several different objects');
  if (typeof value !== 'string') return { ok: true, value };
  repairs.add('json_text');
  return textArguments(value, { ...tool, wasQuoted: true }, repairs);
}

/**
 * A text that is not JSON is the argument that may be given alone, where its quotes say that it is whole. The end of an
 * object is not (vllm #34887).
 */
function bare(text: string, tool: Taker, repairs: Set<Repair>): TextArguments {
  if (tool.alone === null) return notJson(tool, 'they are no JSON object');
  if (/^\s*[\w-]*"\s*:/.test(text) || /^[^{]*["']\s*\}\s*$/.test(text))
    return notJson(tool, 'their beginning is missing');
  if (!tool.wasQuoted) return notJson(tool, 'they are no JSON object');
  repairs.add('bare_argument');
  return { ok: true, value: { [tool.alone]: text } };
}

function notJson(tool: Taker, what: string): TextArguments {
  return {
    ok: false,
    fault: 'arguments',
    reason: `the arguments of ${tool.name} cannot be read: ${what}; write one JSON object`,
  };
}
