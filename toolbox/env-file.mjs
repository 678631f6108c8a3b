import { readKeyValues, SECRET_NAME } from './lib/env.mjs';
import { modeOf } from './lib/files.mjs';
import { listOf, readArguments, refuse, runTool } from './lib/tool.mjs';

const USAGE = `usage: node /toolbox/env-file.mjs FILE --keys A,B,C
FILE holds exactly these keys, each once and none empty or a placeholder; it has mode 600, and its secrets
(…PASSWORD, …SECRET, …TOKEN, …SALT, …_KEY) are hexadecimal, of at least 128 bits and all different.`;

const PLACEHOLDER = /change.?me|placeholder|example|replace|todo|fixme|xxx|your[-_]|<[^>]*>|\$\{|^(secret|password|admin|test|none|null|undefined)$/i;
const LEAST_HEX_DIGITS = 32;

function valueProblems(file, key, value) {
  if (value === '') return [`${file}: ${key} is empty`];
  if (PLACEHOLDER.test(value)) return [`${file}: ${key} is a placeholder`];
  if (SECRET_NAME.test(key) && !/^[0-9a-f]+$/.test(value)) return [`${file}: ${key} is not hexadecimal`];
  if (SECRET_NAME.test(key) && value.length < LEAST_HEX_DIGITS) return [`${file}: ${key} has fewer than 128 bits`];
  return [];
}

/** Keys whose secret value another key has too. Values are never printed. */
function sharedSecrets(file, entries) {
  const owners = new Map();
  return [...entries].filter(([key]) => SECRET_NAME.test(key)).flatMap(([key, value]) => {
    const owner = owners.get(value);
    owners.set(value, key);
    return owner === undefined ? [] : [`${file}: ${key} and ${owner} have the same value`];
  });
}

await runTool(USAGE, (argv) => {
  const { options, positionals: [file] } = readArguments(argv, { keys: 'strings' }, { positionals: [1, 1], required: ['keys'] });
  const keys = listOf(options.keys);
  const entries = readKeyValues(file);
  const mode = modeOf(file);
  refuse([
    ...(mode === '600' ? [] : [`${file}: has mode ${mode}, must be 600`]),
    ...keys.filter((key) => !entries.has(key)).map((key) => `${file}: lacks ${key}`),
    ...[...entries.keys()].filter((key) => !keys.includes(key)).map((key) => `${file}: has ${key}, which nobody asked for`),
    ...[...entries].flatMap(([key, value]) => valueProblems(file, key, value)),
    ...sharedSecrets(file, entries),
  ]);
  return `${file}: ${keys.length} keys, ${keys.filter((key) => SECRET_NAME.test(key)).length} secrets, mode 600`;
});
