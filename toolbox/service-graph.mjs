import { orderOf, readComposeFile } from './lib/compose-file.mjs';
import { readJson, readText, writeWhole } from './lib/files.mjs';
import { Problems, readArguments, refuse, runTool, UsageError } from './lib/tool.mjs';

const USAGE = `usage: node $TOOLBOX/service-graph.mjs derive GRAPH.json --compose compose.yaml [--cypher FILE]
       node $TOOLBOX/service-graph.mjs check GRAPH.json --compose compose.yaml [--cypher FILE]
derive  writes services, dependencies and the start order (groups that may start side by side), and the statements that
        load them into a graph database
check   the graph has no cycle, is the compose file's, its start order respects every dependency; the statements are
        the graph's`;

function deriveFrom(compose) {
  const nodes = compose.services
    .map(({ name, image }) => ({ name, image }))
    .sort((a, b) => a.name.localeCompare(b.name));
  const edges = compose.services
    .flatMap(({ name, dependencies }) =>
      dependencies.map(({ service, condition }) => ({ from: name, to: service, condition })),
    )
    .sort((a, b) => `${a.from} ${a.to}`.localeCompare(`${b.from} ${b.to}`));
  return { nodes, edges };
}

const afterOf = ({ nodes, edges }) =>
  nodes.map(({ name }) => ({ name, after: edges.filter(({ from }) => from === name).map(({ to }) => to) }));

/** Statements for Memgraph and Neo4j; MERGE, so that loading them again changes nothing. */
function cypherOf({ nodes, edges }) {
  const text = (value) => `'${String(value).replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  return [
    ...nodes.map(({ name, image }) => `MERGE (s:Service {name: ${text(name)}}) SET s.image = ${text(image)};`),
    ...edges.map(
      ({ from, to, condition }) =>
        `MATCH (a:Service {name: ${text(from)}}), (b:Service {name: ${text(to)}}) MERGE (a)-[d:DEPENDS_ON]->(b) ` +
        `SET d.condition = ${text(condition)};`,
    ),
    '',
  ].join('\n');
}

function derive(file, options) {
  const graph = deriveFrom(readComposeFile(options.compose));
  const { order, cycle } = orderOf(afterOf(graph));
  if (cycle.length > 0)
    throw new Problems([`${options.compose}: services depend on each other in a circle: ${cycle.join(', ')}`]);
  writeWhole(file, `${JSON.stringify({ ...graph, start_order: order }, null, 2)}\n`);
  if (options.cypher !== undefined) writeWhole(options.cypher, cypherOf(graph));
  return `${file}: ${graph.nodes.length} services, ${graph.edges.length} dependencies, ${order.length} groups`;
}

/** What differs between two lists of values, in words. */
function differences(what, found, wanted) {
  const [have, want] = [found, wanted].map((values) => values.map((value) => JSON.stringify(value)));
  return [
    ...want.filter((value) => !have.includes(value)).map((value) => `lacks the ${what} ${value}`),
    ...have
      .filter((value) => !want.includes(value))
      .map((value) => `has the ${what} ${value}, which the compose file does not`),
  ];
}

function startOrderProblems({ edges, start_order: order }, wanted) {
  const group = new Map((order ?? []).flatMap((names, index) => names.map((name) => [name, index])));
  return [
    ...differences(
      'service in its start order',
      [...group.keys()],
      wanted.nodes.map(({ name }) => name),
    ),
    ...edges
      .filter(({ from, to }) => !(group.get(to) < group.get(from)))
      .map(({ from, to }) => `starts ${from} before ${to}, which it depends on`),
  ];
}

function check(file, options) {
  const graph = readJson(file);
  if (!Array.isArray(graph.nodes) || !Array.isArray(graph.edges))
    throw new Problems([`${file}: has no nodes and edges`]);
  const wanted = deriveFrom(readComposeFile(options.compose));
  const { cycle } = orderOf(afterOf(graph));
  refuse(
    [
      ...(cycle.length > 0 ? [`has a cycle: ${cycle.join(', ')}`] : []),
      ...differences('service', graph.nodes, wanted.nodes),
      ...differences('dependency', graph.edges, wanted.edges),
      ...startOrderProblems(graph, wanted),
    ].map((problem) => `${file}: ${problem}`),
  );
  if (options.cypher !== undefined && readText(options.cypher) !== cypherOf(graph))
    throw new Problems([`${options.cypher}: is not what ${file} yields; derive it again`]);
  return `${file}: ${graph.nodes.length} services, no cycle, starts in ${graph.start_order.length} groups`;
}

await runTool(USAGE, ([command, ...rest]) => {
  const {
    options,
    positionals: [file],
  } = readArguments(rest, { compose: 'string', cypher: 'string' }, { positionals: [1, 1], required: ['compose'] });
  if (command === 'derive') return derive(file, options);
  if (command === 'check') return check(file, options);
  throw new UsageError(`unknown command: ${command ?? '(none)'}`);
});
