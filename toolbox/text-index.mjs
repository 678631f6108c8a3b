import { listFiles, modeOf, readJson, readText, sha256, writeWhole } from './lib/files.mjs';
import { listOf, Problems, readArguments, refuse, runTool, UsageError, wholeNumber } from './lib/tool.mjs';

const USAGE = `usage: node $TOOLBOX/text-index.mjs build INDEX.json --except DIR,DIR
       node $TOOLBOX/text-index.mjs check INDEX.json
       node $TOOLBOX/text-index.mjs query INDEX.json "WORDS"... [--first FILE]... [--limit N]
build  indexes the text files of the current directory (not those of mode 600, keys, certificates and ciphertexts,
       nor below --except)
check  every file that belongs in it is in it as it is now, and nothing else
query  prints the best files by BM25 for each WORDS; the nth --first must be the best for the nth WORDS`;

const TEXT = /(\.(ya?ml|json|sql|conf|cnf|hcl|md|sh|labels|txt)|(^|\/)Dockerfile)$/;
// Usual constants of BM25: saturation of term frequency, weight of a document's length.
const K1 = 1.2;
const B = 0.75;

/** Words in lower case; names such as muninn.memories and redis-exporter also count by their parts. */
function wordsOf(text) {
  return (
    text
      .toLowerCase()
      .match(/[a-z0-9]+(?:[-_.][a-z0-9]+)*/g)
      ?.flatMap((word) => (/[-_.]/.test(word) ? [word, ...word.split(/[-_.]/)] : [word])) ?? []
  );
}

function filesFor(except) {
  return listFiles('.').filter(
    (file) =>
      TEXT.test(file) && !except.some((directory) => file.startsWith(`${directory}/`)) && modeOf(file) !== '600',
  );
}

function build(indexFile, options) {
  const except = listOf(options.except);
  const postings = {};
  const files = filesFor(except).map((path, number) => {
    const text = readText(path);
    const words = [...wordsOf(path), ...wordsOf(text)];
    for (const word of words) {
      const posting = (postings[word] = Object.hasOwn(postings, word) ? postings[word] : {});
      posting[number] = (posting[number] ?? 0) + 1;
    }
    return { path, sha256: sha256(text), words: words.length };
  });
  if (files.length === 0) throw new Problems(['there is no text file to index']);
  const sorted = Object.fromEntries(
    Object.keys(postings)
      .sort()
      .map((word) => [word, postings[word]]),
  );
  writeWhole(indexFile, `${JSON.stringify({ version: 1, except, files, postings: sorted })}\n`);
  return `${indexFile}: ${files.length} files, ${Object.keys(sorted).length} words`;
}

function readIndex(file) {
  const index = readJson(file);
  if (index.version !== 1 || !Array.isArray(index.files) || typeof index.postings !== 'object')
    throw new Problems([`${file}: is not a text index`]);
  return index;
}

function check(indexFile) {
  const { except, files, postings } = readIndex(indexFile);
  const here = filesFor(except);
  const indexed = new Map(files.map((file) => [file.path, file.sha256]));
  const counted = files.map(() => 0);
  for (const posting of Object.values(postings))
    for (const [number, times] of Object.entries(posting)) counted[number] += times;
  refuse([
    ...here.filter((path) => !indexed.has(path)).map((path) => `${indexFile}: lacks ${path}`),
    ...[...indexed.keys()]
      .filter((path) => !here.includes(path))
      .map((path) => `${indexFile}: holds ${path}, which is not there any more`),
    ...here
      .filter((path) => indexed.has(path) && indexed.get(path) !== sha256(readText(path)))
      .map((path) => `${indexFile}: is stale, ${path} has changed since`),
    ...files
      .filter((file, number) => file.words !== counted[number])
      .map(({ path }) => `${indexFile}: postings of ${path} are not complete`),
  ]);
  return `${indexFile}: ${files.length} files, all as they are now`;
}

/** Files by BM25 score, best first. */
function rank({ files, postings }, words) {
  const meanLength = files.reduce((sum, { words: count }) => sum + count, 0) / files.length;
  const scores = files.map(() => 0);
  for (const word of new Set(words)) {
    const posting = Object.hasOwn(postings, word) ? postings[word] : {};
    const holders = Object.keys(posting).length;
    const rarity = Math.log(1 + (files.length - holders + 0.5) / (holders + 0.5));
    for (const [number, times] of Object.entries(posting)) {
      scores[number] += (rarity * (times * (K1 + 1))) / (times + K1 * (1 - B + (B * files[number].words) / meanLength));
    }
  }
  return files
    .map(({ path }, number) => ({ path, score: scores[number] }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score || a.path.localeCompare(b.path));
}

function query(indexFile, options, questions) {
  if (questions.length === 0) throw new UsageError('query needs the words to look for');
  const index = readIndex(indexFile);
  const limit = wholeNumber('limit', options.limit ?? '3');
  return questions
    .map((text, number) => {
      const found = rank(index, wordsOf(text));
      const wanted = options.first?.[number];
      if (found.length === 0) throw new Problems([`${indexFile}: nothing answers "${text}"`]);
      if (wanted !== undefined && found[0].path !== wanted)
        throw new Problems([`${indexFile}: "${text}" leads to ${found[0].path}, not to ${wanted}`]);
      return [`${text}:`, ...found.slice(0, limit).map(({ path, score }) => `  ${score.toFixed(3)} ${path}`)].join(
        '\n',
      );
    })
    .join('\n');
}

await runTool(USAGE, ([command, ...rest]) => {
  const {
    options,
    positionals: [indexFile, ...questions],
  } = readArguments(rest, { except: 'strings', first: 'strings', limit: 'string' }, { positionals: [1, Infinity] });
  if (command === 'build') return build(indexFile, options);
  if (command === 'check') return check(indexFile);
  if (command === 'query') return query(indexFile, options, questions);
  throw new UsageError(`unknown command: ${command ?? '(none)'}`);
});
