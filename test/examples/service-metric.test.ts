import { readPage } from '../docs/support/markdown.js';
import { describeExample } from './support/describe-example.js';
import { finish, read, run, write } from './support/scripted-model.js';

const TESTS = 'node --test test/*.test.mjs';
const original = readPage('examples/service-metric/project/src/server.mjs');

/** The service with these replacements, each of which must fit. */
function edited(...edits: readonly Edit[]): string {
  return edits.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`src/server.mjs has no ${from}`);
    return text.replace(from, to);
  }, original);
}

type Edit = readonly [from: string, to: string];
const counter: Edit = [
  "['method', 'status']);\n",
  "['method', 'status']);\n  const rejected = metrics.counter('stock_rejected_total', 'By reason.', ['reason']);\n",
];
/** Counts before the answer that the condition leads to. */
const counted = (condition: string, reason: string): Edit => [
  `if (${condition}) return`,
  `if (${condition}) rejected.add({ reason: '${reason}' });\n    if (${condition}) return`,
];
const outOfStock = counted('error instanceof OutOfStock', 'out_of_stock');
const unknownItem = counted('error instanceof UnknownItem', 'unknown_item');
const badCount = counted('!Number.isInteger(count) || count < 1', 'bad_count');

const developed = [
  read('src/server.mjs'),
  read('test/rejected.test.mjs'),
  run(TESTS),
  // A reason is forgotten at first; the failed check says so.
  write('src/server.mjs', edited(counter, outOfStock, unknownItem)),
  finish('The metric is added.'),
  write('src/server.mjs', edited(counter, outOfStock, unknownItem, badCount)),
  run(TESTS),
  finish('The metric is added; all tests pass.'),
];
const row = (labels: string) =>
  run(`echo '| \`stock_rejected_total\` | ${labels} | requests that took nothing, by reason |' >> docs/metrics.md`);

describeExample('service-metric', {
  withoutModel: false,
  tasks: 2,
  makes: ['src/server.mjs', 'docs/metrics.md'],
  right: {
    developer_agent: developed,
    writer_agent: [read('src/server.mjs'), row('`reason`'), finish('The metric is documented.')],
  },
  wrong: {
    'a model that removes the test': {
      script: {
        developer_agent: [run(`rm test/rejected.test.mjs && ${TESTS}`), finish('All tests pass.')],
      },
      found: 'test/rejected.test.mjs',
    },
    'a model that claims that the tests pass': {
      script: {
        developer_agent: [write('src/server.mjs', edited(counter, outOfStock)), finish('All tests pass.')],
      },
      found: 'all tests of the service pass',
    },
    'a model that documents a label that is not there': {
      script: { developer_agent: developed, writer_agent: [row('`cause`'), finish('The metric is documented.')] },
      found: 'the page agrees with what the service exposes',
    },
  },
});
