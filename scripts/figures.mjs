// npm run figures: counts the sources and lists what is too long or goes round in a circle. See HELP.
import { relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { faultsOf } from './figures/limits.mjs';
import { FUNCTION_LIMIT, LINE_LIMIT, measure } from './figures/measure.mjs';
import { root } from './steps/run.mjs';

const HELP = `npm run figures [-- --dir DIR] [--long-lines | --check]: counts the sources, read from their syntax trees.

  --dir DIR      another checkout of the project, for a comparison of before and after
  --long-lines   lists every line over ${LINE_LIMIT} characters, not only the number of them for each file
  --check        prints only what exceeds scripts/figures/limits.mjs

Exit codes: 0 printed or nothing exceeded, 1 something exceeds the limits, 2 wrong use.
`;

/** Of the files with long lines. */
const FILES_SHOWN = 15;

try {
  const { values } = parseArgs({
    options: {
      dir: { type: 'string' },
      'long-lines': { type: 'boolean' },
      check: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const dir = values.dir === undefined ? root : resolve(values.dir);
  if (values.help) process.stdout.write(HELP);
  else if (values.check) check(dir);
  else print(dir, values['long-lines'] ?? false);
} catch (error) {
  if (!isWrongUse(error)) throw error;
  process.stderr.write(`${error.message}\n${HELP}`);
  process.exitCode = 2;
}

function isWrongUse(error) {
  return typeof error.code === 'string' && (error.code.startsWith('ERR_PARSE_ARGS') || error.code === 'ENOENT');
}

function check(dir) {
  const faults = faultsOf(measure(dir));
  for (const fault of faults) say(fault);
  process.exitCode = faults.length === 0 ? 0 : 1;
}

function print(dir, everyLongLine) {
  const { folders, cycles } = measure(dir);
  if (folders.length === 0) throw Object.assign(new Error(`No src folder in ${dir}`), { code: 'ENOENT' });
  const src = folders.find(({ folder }) => folder === 'src');
  say(`Sources of ${relative('.', dir) || '.'}`);
  say(row('', 'files', 'lines', 'functions', `over ${FUNCTION_LIMIT} lines`, `lines over ${LINE_LIMIT}`));
  for (const one of folders)
    say(row(one.folder, one.files, one.lines, one.functions, one.longFunctions.length, one.longLines.length));
  say(`\nFunctions over ${FUNCTION_LIMIT} lines in src: ${src?.longFunctions.length ?? 0}`);
  for (const { file, line, name, lines } of src?.longFunctions ?? []) say(`  ${lines}  ${name}  ${file}:${line}`);
  say(`\nImport cycles: ${cycles.length}`);
  for (const cycle of cycles) say(`  ${cycle.length} files: ${cycle.join(', ')}`);
  const longLines = folders.flatMap((one) => one.longLines);
  say(`\nLines over ${LINE_LIMIT} characters: ${longLines.length}`);
  const rows = everyLongLine ? longLines.map(describeLine) : byFile(longLines);
  for (const line of rows) say(`  ${line}`);
}

function describeLine({ file, line, length }) {
  return `${file}:${line}  ${length}`;
}

function byFile(longLines) {
  const counts = new Map();
  for (const { file } of longLines) counts.set(file, (counts.get(file) ?? 0) + 1);
  const rows = [...counts].sort(([, a], [, b]) => b - a).map(([file, count]) => `${count}  ${file}`);
  const left = rows.length - FILES_SHOWN;
  return left <= 0 ? rows : [...rows.slice(0, FILES_SHOWN), `and ${left} more files; --long-lines lists every line`];
}

function row(first, ...cells) {
  return first.padEnd(10) + cells.map((cell) => String(cell).padStart(16)).join('');
}

function say(line) {
  process.stdout.write(`${line}\n`);
}
