import { readText, writeWhole } from './lib/files.mjs';
import { listOf, readArguments, refuse, runTool, UsageError } from './lib/tool.mjs';
import { readYaml } from './lib/yaml.mjs';

const USAGE = `usage: node $TOOLBOX/topics.mjs script PLAN.yaml --out FILE.sh
       node $TOOLBOX/topics.mjs check PLAN.yaml --script FILE.sh --topics A,B
PLAN.yaml: topics: [{name, partitions, retention_ms (-1: forever), cleanup_policy, doc}]
script  writes the rpk commands that create the plan's topics
check   exactly these topics, legal and documented; FILE.sh is what the plan yields`;

const POLICIES = ['delete', 'compact', 'compact,delete'];
const KEYS = ['name', 'partitions', 'retention_ms', 'cleanup_policy', 'doc'];

function topicProblems(topic, index) {
  const name = topic?.name ?? `topic ${index + 1}`;
  return [
    ...(/^[a-zA-Z0-9._-]{1,249}$/.test(topic?.name ?? '') ? [] : [`${name}: is not a legal topic name`]),
    ...(Number.isInteger(topic?.partitions) && topic.partitions >= 1
      ? []
      : [`${name}: partitions must be a whole number from 1`]),
    ...(Number.isInteger(topic?.retention_ms) && (topic.retention_ms === -1 || topic.retention_ms > 0)
      ? []
      : [`${name}: retention_ms must be -1 or a number of milliseconds`]),
    ...(POLICIES.includes(topic?.cleanup_policy)
      ? []
      : [`${name}: cleanup_policy must be one of ${POLICIES.join(' | ')}`]),
    ...(typeof topic?.doc === 'string' && topic.doc !== '' ? [] : [`${name}: has no doc`]),
    ...Object.keys(topic ?? {})
      .filter((key) => !KEYS.includes(key))
      .map((key) => `${name}: unknown key ${key}`),
  ];
}

function readPlan(file) {
  const topics = readYaml(file)?.topics;
  refuse(
    Array.isArray(topics)
      ? topics.flatMap(topicProblems).map((problem) => `${file}: ${problem}`)
      : [`${file}: has no list "topics"`],
  );
  return topics;
}

/** A shell script that creates missing topics and leaves those that are there alone. */
function scriptOf(topics) {
  const commands = topics.map(
    ({ name, partitions, retention_ms: retention, cleanup_policy: policy }) =>
      `rpk topic describe ${name} >/dev/null 2>&1 || rpk topic create ${name} --partitions ${partitions} ` +
      `--topic-config retention.ms=${retention} --topic-config cleanup.policy=${policy}`,
  );
  return [
    '#!/bin/sh',
    '# Written from topics.yaml by the toolbox (topics.mjs script); change that file instead.',
    'set -eu',
    ...commands,
    '',
  ].join('\n');
}

function script(file, options) {
  if (options.out === undefined) throw new UsageError('missing option: --out');
  const topics = readPlan(file);
  writeWhole(options.out, scriptOf(topics));
  return `${options.out}: creates ${topics.length} topics`;
}

function check(file, options) {
  if (options.script === undefined || options.topics === undefined)
    throw new UsageError('check needs --script and --topics');
  const topics = readPlan(file);
  const names = topics.map(({ name }) => name);
  const wanted = listOf(options.topics);
  refuse([
    ...wanted.filter((name) => !names.includes(name)).map((name) => `${file}: lacks the topic ${name}`),
    ...names.filter((name, index) => names.indexOf(name) !== index).map((name) => `${file}: has ${name} twice`),
    ...names
      .filter((name) => !wanted.includes(name))
      .map((name) => `${file}: has the topic ${name}, which was not asked for`),
    ...(readText(options.script) === scriptOf(topics)
      ? []
      : [`${options.script}: is not what ${file} yields; write it again with topics.mjs script`]),
  ]);
  return `${file}: ${topics.length} topics, ${topics.reduce((sum, { partitions }) => sum + partitions, 0)} partitions`;
}

const COMMANDS = { script, check };

await runTool(USAGE, ([command, ...rest]) => {
  const run = COMMANDS[command];
  if (run === undefined) throw new UsageError(`unknown command: ${command ?? '(none)'}`);
  const {
    options,
    positionals: [file],
  } = readArguments(rest, { out: 'string', script: 'string', topics: 'strings' }, { positionals: [1, 1] });
  return run(file, options);
});
