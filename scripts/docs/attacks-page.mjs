// docs/attack-cases.md, and the table by class in docs/security.md, from the fixtures of test/security.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a case is stopped or contained by, in the order in which a call meets it. */
export const LAYERS = {
  input: 'files, settings and flags are checked where they are read',
  text: 'texts are data for people, logs and models',
  policy: 'the default policy denies or asks',
  tool: 'a tool refuses the call',
  sandbox: 'bubblewrap and the limits of a call',
  seccomp: 'the system call filter',
  redaction: 'secrets and hidden characters are replaced',
  http: 'the endpoint refuses the request',
  log: 'schemas, and the rules by which a partition is read',
  signature: 'the signature of an operator',
  broker: 'the rights of a broker identity',
};

const CLASSES = { cmd: 'command', path: 'path', env: 'environment', prompt: 'prompt', event: 'record', http: 'HTTP' };
const FIXTURES = ['policy', 'sandbox', 'http', 'text', 'other'];
const FILES = {
  policy: 'test/security/policy-attacks.test.ts',
  sandbox: 'test/security/sandbox-attacks.test.ts',
  http: 'test/security/http-attacks.test.ts',
  text: 'test/security/text-attacks.test.ts',
};

/**
 * The given cases, in their order, each with what decides it and what shows it; of several fixtures that have a case,
 * the first counts. directory: that of the fixtures.
 */
export function attackCases(directory) {
  const read = (name) => JSON.parse(readFileSync(join(directory, `${name}.json`), 'utf8'));
  const shown = new Map();
  for (const fixture of FIXTURES)
    for (const one of read(`${fixture}-attacks`)) if (!shown.has(one.id)) shown.set(one.id, shownBy(fixture, one));
  return read('given-cases').map(({ id, kind, input, expect, why }) => {
    const found = shown.get(id);
    if (found === undefined) throw new Error(`no fixture has the case ${id}`);
    return { id, kind, input, expect, why, ...found };
  });
}

function shownBy(fixture, { id, layer = 'policy', mapped = null, rule = null, file, test, pending = null, ...given }) {
  const decision = fixture === 'policy' ? `${given.decision}: ${rule}` : null;
  return {
    fixture,
    layer,
    mapped,
    decision,
    expected: fixture === 'policy' ? 'denied' : given.expect,
    file: FILES[fixture] ?? file ?? null,
    test: FILES[fixture] === undefined ? (test ?? null) : id,
    pending,
  };
}

const isHarmless = ({ expect }) => expect === 'allowed';
const count = (list, holds) => list.filter(holds).length;

/** Lines of the table by class, with a line for all. */
export function attackTable(cases) {
  const groups = Object.keys(CLASSES).map((prefix) => [
    CLASSES[prefix],
    cases.filter(({ id }) => id.startsWith(`${prefix}-`)),
  ]);
  const rows = [...groups, ['all', cases]].map(([name, group]) => tableRow(name, group));
  return [
    '| class | cases | stopped or contained by | harmless, allowed | leaks, or false denials | not run yet |',
    '|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

function tableRow(name, group) {
  const run = group.filter(({ pending }) => pending === null);
  const attacks = run.filter((one) => !isHarmless(one));
  const layers = Object.keys(LAYERS)
    .map((layer) => [layer, count(attacks, (one) => one.layer === layer)])
    .filter(([, number]) => number > 0);
  const stopped = layers.reduce((sum, [, number]) => sum + number, 0);
  const allowed = count(run, (one) => isHarmless(one) && one.layer === 'none');
  const cells = [
    name,
    group.length,
    layers.map(([layer, number]) => `${layer} ${number}`).join(', '),
    allowed,
    run.length - stopped - allowed,
    group.length - run.length,
  ];
  return `| ${cells.join(' | ')} |`;
}

export function attacksPage(directory) {
  const cases = attackCases(directory);
  const layers = Object.entries(LAYERS).map(([name, what]) => `| ${name} | ${what} |`);
  const start = `<!-- Made by npm run docs:attacks from test/security/fixtures. -->
# Attack cases

${cases.length} cases that were given for systems of this kind, each with the layer that stops or contains it here and
the test that shows it. Some were written for another design, with topics such as \`swarm.tasks\` and an HTTP
interface for approvals: "as" says what takes the place of what.
[given-cases.json](../test/security/fixtures/given-cases.json) has each case as it was given.
[security.md](security.md#attack-cases) has the numbers.

| layer | what it does |
|---|---|
${layers.join('\n')}
`;
  const sections = Object.entries(CLASSES).map(([prefix, name]) => {
    const rows = cases.filter(({ id }) => id.startsWith(`${prefix}-`)).map(pageRow);
    const head = ['', `## ${name}`, '', '| case | expected | layer | as | shown by |', '|---|---|---|---|---|'];
    return [...head, ...rows, ''].join('\n');
  });
  return start + sections.join('');
}

function pageRow({ id, why, expect, layer, mapped, decision, file, test, pending }) {
  const title = test === id ? '' : `: ${test}`;
  const shown = pending === null ? `[${file.split('/').at(-1)}](../${file})${title}` : `not run yet: ${pending}`;
  const cells = [
    `**${id}** ${why.replace(/^\[\w+\] /, '')}`,
    expect,
    decision === null ? layer : `${layer} (${decision})`,
    mapped ?? '',
    shown,
  ];
  return `| ${cells.map(cell).join(' | ')} |`;
}

/** Text in a table's cell. */
const cell = (text) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');
