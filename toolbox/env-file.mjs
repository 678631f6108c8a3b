import { randomBytes } from 'node:crypto';
import { readKeyValues, SECRET_NAME } from './lib/env.mjs';
import { exists, modeOf, writeWhole } from './lib/files.mjs';
import { listOf, readArguments, refuse, runTool, UsageError } from './lib/tool.mjs';

const USAGE = `usage: node $TOOLBOX/env-file.mjs fill FILE [--set KEY=VALUE]... --secrets A,B,C
       node $TOOLBOX/env-file.mjs check FILE --keys A,B,C
fill   writes FILE with mode 600: the settings, and 256 new random bits for each secret. A secret that FILE has already
       and that is strong enough stays as it is, so that a second run rotates nothing
check  FILE holds exactly these keys, each once and none empty or a placeholder; it has mode 600, and its secrets
       (…PASSWORD, …SECRET, …TOKEN, …SALT, …_KEY) are hexadecimal, of at least 128 bits and all different`;

const PLACEHOLDER = new RegExp(
  [
    'change.?me|placeholder|example|replace|todo|fixme|xxx|your[-_]',
    String.raw`<[^>]*>|\$\{`,
    '^(secret|password|admin|test|none|null|undefined)$',
  ].join('|'),
  'i',
);
const STRONG = /^[0-9a-f]{32,}$/;
const SECRET_BYTES = 32;

function fill(file, options) {
  const settings = (options.set ?? []).map((pair) => {
    const at = pair.indexOf('=');
    if (at < 1) throw new UsageError(`--set ${pair} is not KEY=VALUE`);
    return [pair.slice(0, at), pair.slice(at + 1)];
  });
  const before = exists(file) ? readKeyValues(file) : new Map();
  const secrets = listOf(options.secrets).map((key) => {
    if (!SECRET_NAME.test(key))
      throw new UsageError(`${key} does not read like a secret; end it in _PASSWORD, _SECRET, _TOKEN, _SALT or _KEY`);
    return [key, STRONG.test(before.get(key) ?? '') ? before.get(key) : randomBytes(SECRET_BYTES).toString('hex')];
  });
  const kept = secrets.filter(([key, value]) => before.get(key) === value).length;
  writeWhole(file, [...settings, ...secrets].map(([key, value]) => `${key}=${value}\n`).join(''), 0o600);
  return `${file}: ${settings.length} settings, ${secrets.length} secrets (${kept} kept)`;
}

function valueProblems(file, key, value) {
  if (value === '') return [`${file}: ${key} is empty`];
  if (PLACEHOLDER.test(value)) return [`${file}: ${key} is a placeholder`];
  if (SECRET_NAME.test(key) && !STRONG.test(value)) return [`${file}: ${key} is not hexadecimal of at least 128 bits`];
  return [];
}

/** Keys whose secret value another key has too. Values are never printed. */
function sharedSecrets(file, entries) {
  const owners = new Map();
  return [...entries]
    .filter(([key]) => SECRET_NAME.test(key))
    .flatMap(([key, value]) => {
      const owner = owners.get(value);
      owners.set(value, key);
      return owner === undefined ? [] : [`${file}: ${key} and ${owner} have the same value`];
    });
}

function check(file, options) {
  if (options.keys === undefined) throw new UsageError('missing option: --keys');
  const keys = listOf(options.keys);
  const entries = readKeyValues(file);
  const mode = modeOf(file);
  refuse([
    ...(mode === '600' ? [] : [`${file}: has mode ${mode}, must be 600`]),
    ...keys.filter((key) => !entries.has(key)).map((key) => `${file}: lacks ${key}`),
    ...[...entries.keys()]
      .filter((key) => !keys.includes(key))
      .map((key) => `${file}: has ${key}, which was not asked for`),
    ...[...entries].flatMap(([key, value]) => valueProblems(file, key, value)),
    ...sharedSecrets(file, entries),
  ]);
  return `${file}: ${keys.length} keys, ${keys.filter((key) => SECRET_NAME.test(key)).length} secrets, mode 600`;
}

const COMMANDS = { fill, check };

await runTool(USAGE, ([command, ...rest]) => {
  const run = COMMANDS[command];
  if (run === undefined) throw new UsageError(`unknown command: ${command ?? '(none)'}`);
  const {
    options,
    positionals: [file],
  } = readArguments(rest, { set: 'strings', secrets: 'strings', keys: 'strings' }, { positionals: [1, 1] });
  return run(file, options);
});
