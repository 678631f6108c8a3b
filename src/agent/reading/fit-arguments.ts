/** Brings values of a neighbouring type to the one that a JSON Schema wants. What cannot be brought stays as it is. */
import { z } from 'zod';
import { isBag, jsonText, type Bag } from './proposals.js';
import type { Repair } from './repairs.js';

const schema = z.object({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  enum: z.array(z.unknown()).optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).optional(),
  items: z.unknown().optional(),
  anyOf: z.array(z.unknown()).optional(),
  oneOf: z.array(z.unknown()).optional(),
  maximum: z.number().optional(),
});

type Node = z.output<typeof schema>;

/** The parameters of a tool with their schemas. */
export function parametersOf(parameters: unknown): Readonly<Record<string, unknown>> {
  return nodeOf(parameters)?.properties ?? {};
}

/** Names of the parameters that a call must have. */
export function requiredOf(parameters: unknown): readonly string[] {
  return nodeOf(parameters)?.required ?? [];
}

/** The types that a schema takes. */
export function branchTypes(node: unknown): readonly string[] {
  return branchesOf(node).flatMap(({ type }) => type ?? []);
}

/** @param node JSON Schema; other keywords than type, enum, properties, items and anyOf are left to the tool's check */
export function fit(node: unknown, value: unknown, repairs: Set<Repair>): unknown {
  const branches = branchesOf(node);
  const right = branches.find((branch) => branch.type !== undefined && hasType(value, branch.type));
  if (right) return fitInside(right, value, repairs);
  const brought = branches.map((branch) => bring(branch, value, repairs)).find((result) => result !== undefined);
  return brought === undefined ? value : brought;
}

/** A timeout above its largest value means "as long as possible". */
export function capTimeout(node: unknown, value: unknown, repairs: Set<Repair>): unknown {
  const maximum = branchesOf(node).find((branch) => branch.maximum !== undefined)?.maximum;
  if (typeof value !== 'number' || maximum === undefined || value <= maximum) return value;
  repairs.add('capped');
  return maximum;
}

interface Branch extends Omit<Node, 'type'> {
  readonly type: string | undefined;
}

/** The schema's alternatives, one type each. */
function branchesOf(value: unknown): readonly Branch[] {
  const node = nodeOf(value);
  if (node === null) return [];
  const parts = node.anyOf ?? node.oneOf;
  if (parts) return parts.flatMap(branchesOf);
  return Array.isArray(node.type) ? node.type.map((type) => ({ ...node, type })) : [{ ...node, type: node.type }];
}

function nodeOf(value: unknown): Node | null {
  const parsed = schema.safeParse(value);
  return parsed.success ? parsed.data : null;
}

function hasType(value: unknown, type: string): boolean {
  switch (type) {
    case 'object':
      return isBag(value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    case 'null':
      return value === null;
    default:
      return typeof value === type;
  }
}

function fitInside(branch: Branch, value: unknown, repairs: Set<Repair>): unknown {
  if (typeof value === 'string' && branch.enum) return inEnum(branch.enum, value, repairs);
  if (Array.isArray(value)) return value.map((item) => fit(branch.items, item, repairs));
  if (!isBag(value)) return value;
  const properties = branch.properties ?? {};
  return mapValues(value, (item, key) => (Object.hasOwn(properties, key) ? fit(properties[key], item, repairs) : item));
}

function inEnum(choices: readonly unknown[], value: string, repairs: Set<Repair>): string {
  if (choices.includes(value)) return value;
  const same = choices.filter(
    (choice) => typeof choice === 'string' && choice.toLowerCase() === value.trim().toLowerCase(),
  );
  if (same.length !== 1) return value;
  repairs.add('enum_case');
  return String(same[0]);
}

/** The value in the branch's type; undefined if there is none that says the same. */
function bring(branch: Branch, value: unknown, repairs: Set<Repair>): unknown {
  if (branch.type === 'array') return asList(branch, value, repairs);
  if (branch.type === 'string') return onlyText(value, repairs);
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  switch (branch.type) {
    case 'integer':
    case 'number':
      return asNumber(text, branch.type === 'integer', repairs);
    case 'boolean':
      if (!/^(true|false)$/i.test(text)) return undefined;
      repairs.add('boolean_text');
      return text.toLowerCase() === 'true';
    case 'object':
      return asBag(branch, text, repairs);
    default:
      return undefined;
  }
}

/** The one text of a list. */
function onlyText(value: unknown, repairs: Set<Repair>): string | undefined {
  const [text, ...more]: readonly unknown[] = Array.isArray(value) ? value : [];
  if (typeof text !== 'string' || more.length > 0) return undefined;
  repairs.add('list');
  return text;
}

function asNumber(text: string, whole: boolean, repairs: Set<Repair>): number | undefined {
  const number = /^[-+]?\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(number) || (whole && !Number.isInteger(number))) return undefined;
  repairs.add('number_text');
  return number;
}

function asBag(branch: Branch, text: string, repairs: Set<Repair>): unknown {
  const parsed = jsonText(text, repairs);
  if (!isBag(parsed)) return undefined;
  repairs.add('json_text');
  return fitInside(branch, parsed, repairs);
}

function asList(branch: Branch, value: unknown, repairs: Set<Repair>): unknown {
  if (typeof value === 'string') {
    const parsed = jsonText(value, repairs);
    if (Array.isArray(parsed)) {
      repairs.add('json_text');
      return fitInside(branch, parsed, repairs);
    }
    // A list that is not JSON, or was cut.
    if (/^\s*\[/.test(value)) return undefined;
  }
  const item = fit(branch.items, value, repairs);
  if (!branchesOf(branch.items).some(({ type }) => type !== undefined && hasType(item, type))) return undefined;
  repairs.add('single_item');
  return [item];
}

function mapValues(bag: Bag, map: (value: unknown, key: string) => unknown): Bag {
  return Object.fromEntries(Object.entries(bag).map(([key, value]) => [key, map(value, key)]));
}
