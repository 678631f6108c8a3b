/**
 * The configuration language of nats-server: maps, arrays, strings, numbers with sizes, booleans, $VARIABLES, # and //
 * comments.
 */
import { Problems } from './tool.mjs';

const TOKEN = /\s+|#[^\n]*|\/\/[^\n]*|"(?:[^"\\]|\\.)*"|'[^']*'|[{}[\],=:]|[^\s{}[\],=:#"']+/gy;
const UNITS = {
  K: 1000,
  KB: 1024,
  KIB: 1024,
  M: 1000 ** 2,
  MB: 1024 ** 2,
  MIB: 1024 ** 2,
  G: 1000 ** 3,
  GB: 1024 ** 3,
  GIB: 1024 ** 3,
};

function tokenise(file, text) {
  const tokens = [];
  let line = 1;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const match = TOKEN.exec(text);
    if (match === null) throw new Problems([`${file}:${line}: an open string`]);
    const [word] = match;
    if (!/^(\s|#|\/\/)/.test(word)) tokens.push({ word, line });
    line += word.split('\n').length - 1;
  }
  return tokens;
}

function scalarOf(word, variables) {
  if (/^["']/.test(word)) return word.slice(1, -1);
  if (/^(true|yes|on)$/i.test(word)) return true;
  if (/^(false|no|off)$/i.test(word)) return false;
  if (word.startsWith('$')) {
    variables.add(word.slice(1));
    return { variable: word.slice(1) };
  }
  const size = /^(-?\d+)([KMG]i?B?)?$/i.exec(word);
  return size === null ? word : Number(size[1]) * (UNITS[size[2]?.toUpperCase()] ?? 1);
}

/** {value, variables}: the configuration as a value and the names of the environment variables that it needs. */
export function parseNats(file, text) {
  const tokens = tokenise(file, text);
  const variables = new Set();
  let at = 0;
  const stop = (what) => new Problems([`${file}:${tokens[at]?.line ?? 'end'}: ${what}`]);

  function parseValue() {
    const token = tokens[at];
    if (token === undefined || /^[}\],=:]$/.test(token.word)) throw stop('expected a value');
    at += 1;
    if (token.word === '{') return parseMap('}');
    if (token.word === '[') return parseArray();
    return scalarOf(token.word, variables);
  }

  function parseArray() {
    const values = [];
    while (tokens[at]?.word !== ']') {
      if (tokens[at] === undefined) throw stop('an array is not closed');
      values.push(parseValue());
      if (tokens[at]?.word === ',') at += 1;
    }
    at += 1;
    return values;
  }

  function parseMap(end) {
    const map = {};
    while (tokens[at]?.word !== end) {
      const key = tokens[at]?.word.replace(/^["'](.*)["']$/, '$1');
      if (key === undefined || /^[{}[\],=:]$/.test(key))
        throw stop(end === undefined ? 'expected a key' : 'a map is not closed');
      if (key in map) throw stop(`${key} is given twice`);
      at += 1;
      if (/^[=:]$/.test(tokens[at]?.word ?? '')) at += 1;
      map[key] = parseValue();
      if (tokens[at]?.word === ',') at += 1;
    }
    at += 1;
    return map;
  }

  return { value: parseMap(undefined), variables: [...variables] };
}
