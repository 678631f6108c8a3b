import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, type Document } from 'yaml';
import { z } from 'zod';
import type { Problem } from './config-error.js';
import { chooseInstead } from '../domain/did-you-mean.js';
import { quoted, shortened } from '../domain/quoted.js';
import { yamlFault } from './yaml-fault.js';

export type Path = readonly (string | number)[];

/** YAML that a user wrote, validated with a zod schema, with the position of each part. */
export interface YamlSource<T> {
  /** null if there are problems. */
  readonly value: T | null;
  readonly problems: readonly Problem[];
  /** A problem at a path, or at the nearest existing part around it. */
  problemAt(path: Path, message: string, fix: string): Problem;
}

/** Reads YAML. firstLine is the line of the file on which the text starts, from 1 (front matter starts on line 2). */
export function readYaml<T>(text: string, file: string, schema: z.ZodType<T>, firstLine = 1): YamlSource<T> {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const place = (offset: number) => {
    const { line, col } = lineCounter.linePos(offset);
    return { file, line: line + firstLine - 1, column: col };
  };
  const problemAt = (path: Path, message: string, fix: string): Problem => ({
    ...place(offsetAt(document, path)),
    message,
    fix,
  });
  const fault = yamlFault(document);
  if (fault)
    return { value: null, problems: [{ ...place(fault.offset), message: fault.message, fix: fault.fix }], problemAt };
  const data = toData(document);
  if (!data.ok) return { value: null, problems: [problemAt([], shortened(data.reason, 100), data.fix)], problemAt };
  const parsed = schema.safeParse(data.value);
  if (parsed.success) return { value: parsed.data, problems: [], problemAt };
  const problems = parsed.error.issues.flatMap((issue) =>
    describeIssue(issue, data.value, schema).map((found) => problemAt(found.path, found.message, found.fix)),
  );
  return { value: null, problems, problemAt };
}

/** yaml throws a ReferenceError for an alias without its anchor, and if aliases expand beyond its limit. */
function toData(
  document: Document,
):
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: string; readonly fix: string } {
  try {
    return { ok: true, value: document.toJS() };
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    const isUnknown = error.message.startsWith('Unresolved alias');
    return {
      ok: false,
      reason: error.message,
      fix: isUnknown ? 'put a value that starts with * in quotes' : 'write out the repeated parts',
    };
  }
}

/** The offset of the part at a path: a list's item, the key of an unknown entry, else the value. */
function offsetAt(document: Document, path: Path): number {
  let node: unknown = document.contents;
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0;
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
      if (!pair) return offset;
      if (isNode(pair.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      if (isNode(node)) offset = node.range?.[0] ?? offset;
    } else {
      return offset;
    }
  }
  return offset;
}

interface Finding {
  readonly path: Path;
  readonly message: string;
  readonly fix: string;
}

function describeIssue(issue: z.core.$ZodIssue, data: unknown, schema: z.ZodType): readonly Finding[] {
  const path = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
  const name = path.length === 0 ? 'the file' : quoted(pathName(path));
  const value = valueAt(data, path);
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }), path);
    return issue.keys.map((key) => ({ path: [...path, key], ...unknownKey(key, known) }));
  }
  if (issue.code === 'invalid_key') {
    const [rule] = issue.issues;
    return [{ path, message: `${name}: ${rule?.message ?? issue.message}`, fix: 'rename it' }];
  }
  if (value === undefined) return [{ path, message: `${name} is missing`, fix: `add it (${expectation(issue)})` }];
  if (issue.code === 'invalid_value') {
    return [
      {
        path,
        message: `${name} is ${show(value)}`,
        fix:
          typeof value === 'string'
            ? chooseInstead(value, issue.values.map(String))
            : `use one of: ${issue.values.map(String).join(', ')}`,
      },
    ];
  }
  if (issue.code === 'invalid_type')
    return [
      {
        path,
        message: `${name} is ${show(value)}`,
        fix: `give ${expectation(issue)}${hasNoEnd(value) ? ' with an end' : ''}`,
      },
    ];
  return [{ path, message: `${name}: ${issue.message}`, fix: `change it (it is ${show(value)})` }];
}

/** .inf and .nan in YAML. */
const hasNoEnd = (value: unknown): boolean => typeof value === 'number' && !Number.isFinite(value);

function unknownKey(key: string, known: readonly string[]): Pick<Finding, 'message' | 'fix'> {
  return key === '<<'
    ? { message: 'merge keys (<<) are not read', fix: 'write the keys out' }
    : { message: `unknown key ${quoted(key)}`, fix: chooseInstead(key, known) };
}

function expectation(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_value') return `one of: ${issue.values.map(String).join(', ')}`;
  if (issue.code !== 'invalid_type') return issue.message;
  const words: Readonly<Record<string, string>> = {
    string: 'text',
    int: 'a whole number',
    number: 'a number',
    boolean: 'true or false',
    array: 'a list',
    object: 'keys with values',
    record: 'keys with values',
  };
  return words[issue.expected] ?? issue.expected;
}

/** waves[0].tasks[1].agent */
function pathName(path: Path): string {
  return path
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : `${index > 0 ? '.' : ''}${step}`))
    .join('');
}

function show(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' ? quoted(value) : JSON.stringify(value);
}

function valueAt(data: unknown, path: Path): unknown {
  let value = data;
  for (const step of path) {
    const entry = z.record(z.string(), z.unknown()).or(z.array(z.unknown())).safeParse(value);
    if (!entry.success) return undefined;
    value = Array.isArray(entry.data) ? entry.data[Number(step)] : entry.data[String(step)];
  }
  return value;
}

const schemaNode = z.object({
  properties: z.record(z.string(), z.unknown()).optional(),
  additionalProperties: z.unknown().optional(),
  items: z.unknown().optional(),
  anyOf: z.array(z.unknown()).optional(),
});

/** The keys that a JSON Schema allows at a path. */
function keysAt(schema: unknown, path: Path): readonly string[] {
  const node = schemaNode.safeParse(schema);
  if (!node.success) return [];
  const [step, ...rest] = path;
  const branches = (node.data.anyOf ?? []).flatMap((branch) => keysAt(branch, path));
  if (step === undefined) return [...Object.keys(node.data.properties ?? {}), ...branches];
  const next =
    typeof step === 'number' ? node.data.items : (node.data.properties?.[step] ?? node.data.additionalProperties);
  return [...keysAt(next, rest), ...branches];
}
