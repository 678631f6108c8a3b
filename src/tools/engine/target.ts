/** The first line of a request to the engine: what is asked for, in one spelling only. */
import { RequestRefused } from './refusal.js';

export interface Target {
  /** Such as /v1.41; empty: none was given. */
  readonly version: string;
  /** Without the version. */
  readonly path: string;
  readonly query: ReadonlyMap<string, string>;
}

const MOST_QUERY = 16_384;
/** Since this version a container has its own cgroups unless it asks for others. */
const LOWEST_VERSION = 41;

/**
 * Other spellings of a path are refused, not understood: another form than /…, percent signs, empty names, . and ..,
 * and a parameter twice. Throws RequestRefused.
 */
export function targetOf(text: string): Target {
  const [, version = '', path = '', query = ''] = /^(\/v1\.\d{1,2})?(\/[\w.:@/-]*)(?:\?([^#]*))?$/.exec(text) ?? [];
  if (path === '' || path.includes('//') || path.split('/').some((name) => name === '.' || name === '..'))
    throw new RequestRefused('the path of the request has characters or a form that no client of an engine needs', 400);
  if (version !== '' && Number(version.slice('/v1.'.length)) < LOWEST_VERSION)
    throw new RequestRefused(
      `the version of the API is older than v1.${LOWEST_VERSION}: in it unset fields mean less separation`,
      400,
    );
  if (query.length > MOST_QUERY) throw new RequestRefused('the query is too long', 413);
  const parameters = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    if (parameters.has(name)) throw new RequestRefused('a parameter is given twice', 400, name);
    parameters.set(name, value);
  }
  return { version, path, query: parameters };
}

const may = (allowed: readonly string[]): string =>
  allowed.length === 0 ? '; leave all parameters out' : `; they may set ${allowed.join(', ')}`;

/** The query with the allowed parameters; others are refused where they are set. */
export function queryOf({ query }: Target, allowed: readonly string[]): URLSearchParams {
  const kept = new URLSearchParams();
  for (const [name, value] of query) {
    if (allowed.includes(name)) kept.set(name, value);
    else if (!['', '0', 'false', '[]', '{}', 'null'].includes(value))
      throw new RequestRefused(`a parameter is not one that agents may set here${may(allowed)}`, 403, name);
  }
  return kept;
}
