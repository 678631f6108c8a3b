import { runInNewContext } from 'node:vm';
import { readJson, readYaml } from './lib/files.mjs';
import { readArguments, refuse, runTool, UsageError } from './lib/tool.mjs';

const USAGE = `usage: node $TOOLBOX/data.mjs FILE... [--assert EXPRESSION]...
Parses YAML and JSON files (duplicate keys are errors). Each EXPRESSION is JavaScript over the parsed
value "doc" of the one FILE given, and must be true:
  node $TOOLBOX/data.mjs events/topics.yaml --assert 'doc.topics.length === 15'`;

/** Whether an expression holds for a document; what it throws counts as a problem. */
function problemOf(file, expression, doc) {
  try {
    return runInNewContext(expression, { doc }, { timeout: 5000 }) === true ? [] : [`${file}: does not hold: ${expression}`];
  } catch (error) {
    return [`${file}: ${expression}: ${error.message}`];
  }
}

await runTool(USAGE, (argv) => {
  const { options, positionals } = readArguments(argv, { assert: 'strings' }, { positionals: [1, Infinity] });
  const expressions = options.assert ?? [];
  if (expressions.length > 0 && positionals.length > 1) throw new UsageError('--assert takes one FILE');
  const documents = positionals.map((file) => [file, file.endsWith('.json') ? readJson(file) : readYaml(file)]);
  refuse(documents.flatMap(([file, doc]) => expressions.flatMap((expression) => problemOf(file, expression, doc))));
  return `${positionals.length} file(s) parse, ${expressions.length} assertion(s) hold`;
});
