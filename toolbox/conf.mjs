import { readKeyValues } from './lib/env.mjs';
import { parseNats } from './lib/nats-conf.mjs';
import { parseRedis } from './lib/redis-conf.mjs';
import { readText } from './lib/files.mjs';
import { readArguments, refuse, runTool, UsageError } from './lib/tool.mjs';

const USAGE = `usage: node $TOOLBOX/conf.mjs redis FILE
       node $TOOLBOX/conf.mjs nats FILE --env .env
redis  directives and their values are known; data is appended to disk, memory is bounded, no password in the file
nats   parses; client and monitoring ports differ, JetStream has a directory, users come from variables of .env`;

const SIZE = /^\d+(b|k|kb|m|mb|g|gb)?$/i;

function redis(file) {
  const directives = parseRedis(file, readText(file));
  const one = (name) => directives.get(name)?.at(-1)?.[0];
  const port = Number(one('port') ?? 6379);
  refuse(
    [
      ...(Number.isInteger(port) && port > 0 && port < 65536 ? [] : [`port ${one('port')} is none`]),
      ...(one('appendonly') === 'yes' ? [] : ['appendonly must be yes: the cache also holds queues']),
      ...(SIZE.test(one('maxmemory') ?? '') && one('maxmemory') !== '0' ? [] : ['maxmemory must bound the memory']),
      ...(one('maxmemory-policy') === undefined ? ['maxmemory-policy is not set'] : []),
      ...(one('protected-mode') === 'no' ? ['protected-mode must stay on'] : []),
      ...(directives.has('requirepass') ? ['requirepass must not stand here; the password is in .env'] : []),
    ].map((problem) => `${file}: ${problem}`),
  );
  return `${file}: ${directives.size} directives`;
}

function nats(file, options) {
  if (options.env === undefined) throw new UsageError('missing option: --env');
  const env = readKeyValues(options.env);
  const { value, variables } = parseNats(file, readText(file));
  const users = value.authorization?.users ?? [];
  refuse(
    [
      ...(Number.isInteger(value.port) ? [] : ['port is not set']),
      ...(Number.isInteger(value.http_port) && value.http_port !== value.port
        ? []
        : ['http_port must be set and differ from port']),
      ...(typeof value.jetstream?.store_dir === 'string' ? [] : ['jetstream.store_dir is not set']),
      ...(users.length > 0 && users.every(({ user, password }) => user?.variable && password?.variable)
        ? []
        : ['authorization.users must name user and password by variables ($NAME)']),
      ...variables.filter((name) => !env.has(name)).map((name) => `variable ${name} is not in ${options.env}`),
    ].map((problem) => `${file}: ${problem}`),
  );
  return `${file}: ports ${value.port} and ${value.http_port}, ${users.length} user(s)`;
}

const COMMANDS = { redis, nats };

await runTool(USAGE, ([command, ...rest]) => {
  const run = COMMANDS[command];
  if (run === undefined) throw new UsageError(`unknown command: ${command ?? '(none)'}`);
  const {
    options,
    positionals: [file],
  } = readArguments(rest, { env: 'string' }, { positionals: [1, 1] });
  return run(file, options);
});
