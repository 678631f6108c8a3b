import { runInNewContext } from 'node:vm';
import { readJson } from './lib/files.mjs';
import { readArguments, refuse, runTool } from './lib/tool.mjs';
import { readYaml } from './lib/yaml.mjs';

const USAGE = `usage: node $TOOLBOX/data.mjs FILE... [--assert EXPRESSION]...
Parses YAML and JSON files (duplicate keys are errors). Each EXPRESSION is JavaScript over "doc", the value of the
first FILE, and "docs", the values of all of them, and must be true:
  node $TOOLBOX/data.mjs events/topics.yaml --assert 'doc.topics.length === 15'`;

/** Whether an expression holds for the documents; what it throws counts as a problem. */
function problemOf(files, expression, docs) {
  const where = files.join(', ');
  try {
    return runInNewContext(expression, { doc: docs[0], docs }, { timeout: 5000 }) === true
      ? []
      : [`${where}: does not hold: ${expression}`];
  } catch (error) {
    return [`${where}: ${expression}: ${error.message}`];
  }
}

await runTool(USAGE, (argv) => {
  const { options, positionals: files } = readArguments(argv, { assert: 'strings' }, { positionals: [1, Infinity] });
  const expressions = options.assert ?? [];
  const docs = files.map((file) => (file.endsWith('.json') ? readJson(file) : readYaml(file)));
  refuse(expressions.flatMap((expression) => problemOf(files, expression, docs)));
  return `${files.length} file(s) parse, ${expressions.length} assertion(s) hold`;
});
