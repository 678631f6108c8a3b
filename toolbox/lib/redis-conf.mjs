/** redis.conf: one directive a line; quoted arguments; # starts a comment line. */
import { Problems } from './tool.mjs';

const YES_NO = /^(yes|no)$/;
const SIZE = /^\d+(b|k|kb|m|mb|g|gb)?$/i;
const NUMBER = /^\d+$/;
const ANY = /^[^]*$/;

/** Directives that a platform's cache may use, with the form of each argument. Redis itself stops at an unknown one. */
const DIRECTIVES = {
  bind: [ANY],
  port: [NUMBER],
  'protected-mode': [YES_NO],
  'tcp-keepalive': [NUMBER],
  timeout: [NUMBER],
  databases: [NUMBER],
  loglevel: [/^(debug|verbose|notice|warning|nothing)$/],
  dir: [ANY],
  save: [ANY],
  appendonly: [YES_NO],
  appendfsync: [/^(always|everysec|no)$/],
  appendfilename: [ANY],
  'auto-aof-rewrite-percentage': [NUMBER],
  'auto-aof-rewrite-min-size': [SIZE],
  maxmemory: [SIZE],
  'maxmemory-policy': [/^(noeviction|(allkeys|volatile)-(lru|lfu|random)|volatile-ttl)$/],
  maxclients: [NUMBER],
  'lazyfree-lazy-eviction': [YES_NO],
  requirepass: [ANY],
  'rename-command': [ANY, ANY],
};

/**
 * Directive → its argument lists, in order; a directive or an argument that Redis would refuse is an error with its
 * line.
 */
export function parseRedis(file, text) {
  const directives = new Map();
  const problems = [];
  text.split('\n').forEach((line, index) => {
    if (line.trim() === '' || line.trimStart().startsWith('#')) return;
    const [name, ...args] = (line.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? []).map((word) => word.replace(/^"(.*)"$/, '$1'));
    const forms = DIRECTIVES[name.toLowerCase()];
    const where = `${file}:${index + 1}`;
    if (forms === undefined) problems.push(`${where}: unknown directive ${name}`);
    else if (args.length < forms.length) problems.push(`${where}: ${name} needs ${forms.length} argument(s)`);
    else if (!forms.every((form, at) => form.test(args[at])))
      problems.push(`${where}: ${name} ${args.join(' ')} is not valid`);
    else directives.set(name.toLowerCase(), [...(directives.get(name.toLowerCase()) ?? []), args]);
  });
  if (problems.length > 0) throw new Problems(problems);
  return directives;
}
