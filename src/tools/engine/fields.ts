/**
 * The bodies of requests, field by field. What is passed on is made from what was checked: no byte of a client's JSON
 * reaches the engine. So names in another case, repeated names and fields of newer versions cannot mean more there than
 * here.
 */
import { z } from 'zod';
import { RequestRefused } from './refusal.js';

/** Whether a value means "not set" to the engine. */
export function isUnset(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === 0 || value === '') return true;
  if (Array.isArray(value)) return value.every(isUnset);
  return typeof value === 'object' && Object.values(value).every(isUnset);
}

const MUST_BE_UNSET = new WeakSet<object>();

/** A field that must not be set; it is left out. */
export function unset(why: string) {
  const schema = z
    .custom<unknown>(isUnset, why)
    .optional()
    .transform(() => undefined);
  MUST_BE_UNSET.add(schema);
  return schema;
}

/** A field that clients send and that changes nothing; it is left out. */
export const ignored = z
  .unknown()
  .optional()
  .transform(() => undefined);

/** Docker's clients send null for what is not set. */
export const maybe = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? undefined);

export const text = maybe(z.string().max(65_536));
export const flag = maybe(z.boolean());
export const whole = maybe(z.int());
export const texts = maybe(z.array(z.string().max(65_536)).max(10_000));
export const oneOf = (values: readonly string[], why: string) =>
  maybe(z.string().refine((value) => value === '' || values.includes(value), why));
export const mapOf = <T extends z.ZodType>(schema: T) => maybe(z.record(z.string().max(4_096), schema));
/**
 * NAME=VALUE; a name alone is left out, as if it had no value. Podman would give it, and each name that a * matches,
 * the value that its service has.
 */
export const variables = maybe(
  z
    .array(
      z
        .string()
        .max(65_536)
        .regex(/^[^=*\0]+(?:=|$)/, 'must be NAME=VALUE, without * in the name'),
    )
    .max(10_000)
    .transform((given) => given.filter((one) => one.includes('='))),
);
/** Names that make an engine's other programs do more than show them: podman auto-update restarts the unit of one. */
const ACTED_ON = /^(?:PODMAN_|io\.containers\.|io\.podman\.|ravenhelm\.)/i;

/** Podman writes NAME=VALUE and splits at the first =, so a name with one could take the place of another. */
export const labelMap = maybe(
  z.record(
    z
      .string()
      .regex(/^[\w./:@+-]{1,255}$/, 'must be a label of letters, digits, _ . / : @ + and -')
      .refine((name) => !ACTED_ON.test(name), 'is refused: programs of the engine act on this label'),
    z.string().max(65_536),
  ),
);

/** Text of these characters. */
export const spelled = (pattern: RegExp, why: string) => maybe(z.string().max(4_096).regex(pattern, why));
export const spelledAll = (pattern: RegExp, why: string) =>
  maybe(z.array(z.string().max(4_096).regex(pattern, why)).max(1_000));
/** A number of them that is not negative. */
export const amount = maybe(z.int().min(0, 'must not be negative'));
/** In a container; empty: not set. /proc/self/fd has led out of containers (CVE-2024-21626). */
export const workingDirectory = spelled(
  /^(?!\/(?:proc|sys)(?:\/|$))(?:\/(?!\.\.(?:\/|$))[^/\0\n]*)*$/,
  'must be an absolute path without .., and not in /proc or /sys',
);
export const userName = spelled(/^[\w.@-]*(?::[\w.@-]+)?$/, 'must be USER or USER:GROUP');
export const addressText = spelled(/^[\da-fA-F.:]*$/, 'must be an IP address');
export const aliases = spelledAll(/^[\w.-]+$/, 'must be a name of letters, digits, _ . and -');

/** A set as Go writes it. */
export const setOf = <T extends z.ZodType<string, string>>(key: T) =>
  maybe(
    z.record(
      key,
      z.custom<object>(isUnset, 'must be an empty object').transform(() => ({})),
    ),
  );

/**
 * A path in a container that a mount may have: nothing in it means more to an engine that writes paths into lists and
 * reads those again, as podman does (`source:target`, `type=…,target=…`).
 */
export const containerPath = z
  .string()
  .max(1_024)
  .regex(
    /^(?:\/(?!\.{1,2}(?:\/|$))[\w.+@-]+)+\/?$/,
    'must be an absolute path of letters, digits, _ . + @ and -, without . and ..',
  )
  .refine((path) => !/^\/(?:proc|sys)(?:\/|$)/.test(path), 'must not lie in /proc or /sys')
  .transform((path) => path.replace(/\/$/, ''));

/** Names of all fields that this program knows: a refusal may name them, unlike those that a client has made up. */
const KNOWN_FIELDS = new Set<string>();

/** An object with these fields only; others are left out where they are not set, and refused where they are. */
export function fields<T extends z.ZodRawShape>(shape: T) {
  for (const name of Object.keys(shape)) KNOWN_FIELDS.add(name);
  const settable = Object.entries(shape).flatMap(([name, part]) => (MUST_BE_UNSET.has(part) ? [] : [name]));
  const error = ({ code }: { readonly code: string }) =>
    code === 'unrecognized_keys'
      ? `has a field that agents may not set; they may set ${settable.join(', ')}`
      : undefined;
  return z.preprocess(
    (value) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
      return Object.fromEntries(
        Object.entries(value).filter(([name, part]) => Object.hasOwn(shape, name) || !isUnset(part)),
      );
    },
    z.strictObject(shape, { error }),
  );
}

/** The checked value. Throws RequestRefused that names the first wrong field, as far as its name is known here. */
export function checked<T extends z.ZodType>(schema: T, body: unknown, place: readonly string[] = []): z.output<T> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path = issue?.path ?? [];
  const shown = [...place, ...path.map((part) => (isKnown(part) ? String(part) : '*'))];
  const about = [...path, ...(issue?.code === 'unrecognized_keys' ? issue.keys : [])].map(String).join('.');
  throw new RequestRefused(`${shown.join('.') || 'the body'} ${reasonOf(issue)}`, 403, about);
}

/** A position in a list, or the name of a field; what else is in a path are keys that the client has chosen. */
const isKnown = (part: PropertyKey): boolean =>
  typeof part === 'number' || (typeof part === 'string' && KNOWN_FIELDS.has(part));

const reasonOf = (issue: z.core.$ZodIssue | undefined): string =>
  (issue?.code === 'invalid_key' ? issue.issues[0]?.message : issue?.message) ?? 'is wrong';

/** Throws RequestRefused for what is no JSON object; an empty body is one without fields. */
export function jsonBody(bytes: Buffer): unknown {
  if (bytes.length === 0) return {};
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new RequestRefused('the body is not JSON', 400);
  }
}
