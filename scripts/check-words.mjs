/**
 * node scripts/check-words.mjs [PATH…] [--summary] [--no-help] [--list]
 *
 * Finds listed words (scripts/words/list.mjs) in sources, tests, schemas, documentation and the output of --help.
 * Each finding is a line `file:line: "word" → what to write`; exit 1 when there is one, 2 when the check cannot run.
 * PATH limits it to files and directories; --help output is then left out. --summary prints counts by folder;
 * --list prints the words as JSON.
 */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { ALLOWED } from './words/allowed.mjs';
import { WORDS } from './words/list.mjs';

const execute = promisify(execFile);
const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const CHECKED =
  /\.(ts|mts|js|mjs|cjs|md|ya?ml|avsc|json|sh|xml|properties)$|(^|\/)(Dockerfile|\.ci\/run|\.env\.example)$/;
/** Generated files, the list itself, and licences. */
const SKIPPED = [
  /(^|\/)(node_modules|dist|coverage|\.git|\.ravenhelm)\//,
  /^src\/domain\/generated\//,
  /^docs\/events\.md$/,
  /^etc\/ravenhelm\.api\.md$/,
  /^missions\/mission\.schema\.json$/,
  /^package-lock\.json$/,
  /^scripts\/words\//,
];
/** Between two words: spaces, or a line break with a comment's or a string's marks. */
const GAP = String.raw`(?:[ \t]+|[ \t]*['"\`]?[ \t]*\+?[ \t]*\r?\n[ \t]*\+?[ \t]*(?:(?:\*|\/\/|#|>|['"\`])[ \t]?)*)`;

const rules = WORDS.map(([pattern, better]) => ({
  better,
  // Not inside a path or an identifier such as /home/somebody or going_on.
  regex: new RegExp(`(?<![\\w/-])(?:${pattern.replaceAll(' ', GAP)})(?![\\w-])`, 'gi'),
}));

/** Findings of a text: { line, word, better }. */
function findingsIn(text) {
  return rules.flatMap(({ better, regex }) =>
    [...text.matchAll(regex)].map((match) => ({
      line: text.slice(0, match.index).split('\n').length,
      word: match[0].replace(/[\s'"`+]*\n[\s*/#>'"`+]*/g, ' '),
      better,
    })),
  );
}

function walk(path) {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path).flatMap((name) => (/^(node_modules|dist|\.git)$/.test(name) ? [] : walk(join(path, name))));
}

function filesToCheck(paths) {
  const all =
    paths.length === 0
      ? execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
          cwd: PROJECT,
          encoding: 'utf8',
        })
          .split('\n')
          .filter((name) => name !== '' && existsSync(join(PROJECT, name)))
      : paths.flatMap((path) => walk(resolve(path)).map((file) => relative(PROJECT, file)));
  return all.filter((name) => CHECKED.test(name) && !SKIPPED.some((skipped) => skipped.test(name)));
}

/** The output of --help of the program and of each of its commands, by several processes at a time. */
async function helpOutputs() {
  const outputs = [];
  const toAsk = [];
  const ask = async (words) => {
    const program = join(PROJECT, 'bin', 'ravenhelm.js');
    const { stdout: text } = await execute(process.execPath, [program, ...words, '--help'], { cwd: PROJECT });
    // A wrapped line is one sentence: its break counts as a space.
    outputs.push({ name: ['ravenhelm', ...words, '--help'].join(' '), text });
    const list = /^Commands:\n((?: .*\n|\n)*)/m.exec(text)?.[1] ?? '';
    for (const [, name] of list.matchAll(/^ {2}([a-z][\w-]*)/gm)) if (name !== 'help') toAsk.push([...words, name]);
  };
  await ask([]);
  const askAll = async () => {
    for (let words = toAsk.shift(); words !== undefined; words = toAsk.shift()) await ask(words);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, askAll));
  return outputs.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function isAllowed(file, lineText, used) {
  const index = ALLOWED.findIndex((entry) => entry.file === file && lineText.includes(entry.text));
  if (index >= 0) used.add(index);
  return index >= 0;
}

async function check(paths, withHelp) {
  const used = new Set();
  const files = filesToCheck(paths);
  const inFiles = files.flatMap((file) => {
    const text = readFileSync(join(PROJECT, file), 'utf8');
    const lines = text.split('\n');
    return findingsIn(text)
      .filter(({ line }) => !isAllowed(file, `${lines[line - 1]}\n${lines[line] ?? ''}`, used))
      .map((finding) => ({ place: file, ...finding }));
  });
  const inHelp = withHelp
    ? (await helpOutputs()).flatMap(({ name, text }) =>
        findingsIn(text).map((finding) => ({ place: name, ...finding })),
      )
    : [];
  const unused = ALLOWED.filter((entry, index) => !used.has(index) && files.includes(entry.file));
  return { findings: [...inFiles, ...inHelp], unused };
}

function printSummary(findings) {
  const counts = new Map();
  for (const { place } of findings) {
    const folder = place
      .split('/')
      .slice(0, place.startsWith('src/') || place.startsWith('test/') ? 2 : 1)
      .join('/');
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  for (const [folder, count] of [...counts].sort((a, b) => b[1] - a[1]))
    console.log(`${String(count).padStart(5)} ${folder}`);
  console.log(`${String(findings.length).padStart(5)} in all`);
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { summary: { type: 'boolean' }, 'no-help': { type: 'boolean' }, list: { type: 'boolean' } },
  });
  if (values.list) return console.log(JSON.stringify(WORDS));
  const { findings, unused } = await check(positionals, positionals.length === 0 && !values['no-help']);
  if (values.summary) printSummary(findings);
  else for (const { place, line, word, better } of findings) console.log(`${place}:${line}: "${word}" → ${better}`);
  for (const { file, text } of unused)
    console.log(`scripts/words/allowed.mjs: nothing in ${file} matches "${text}"; remove the entry`);
  process.exitCode = findings.length + unused.length > 0 ? 1 : 0;
}

try {
  await main();
} catch (error) {
  console.error(`The words could not be checked: ${error.message}`);
  console.error('Run `npm run build` first, or use --no-help to check the files only.');
  process.exitCode = 2;
}
