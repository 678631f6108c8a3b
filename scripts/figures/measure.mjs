import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { findCycles } from './cycles.mjs';
import { factsOf } from './syntax.mjs';

/** Longest line and longest function that the project allows. */
export const LINE_LIMIT = 120;
export const FUNCTION_LIMIT = 60;

const FOLDERS = ['src', 'test', 'bench', 'eval', 'scripts', 'bin', 'toolbox', 'examples'];
/** The files beside the folders: settings of tools, and the script of the whole check. */
const BESIDE = 'beside';
const SHELL_SCRIPTS = ['.ci/run'];
/** Their lines are counted; their functions are not. */
const isOtherLanguage = (file) => file.endsWith('.pl') || SHELL_SCRIPTS.includes(file);
/** Generated events are no code that anyone reads or that a clone has before its first build. */
const IGNORED = /^src\/domain\/generated\/|(^|\/)node_modules\//;

/**
 * @typedef {{ file: string, name: string, line: number, lines: number }} LongFunction
 * @typedef {{ folder: string, files: number, lines: number, functions: number, longFunctions: LongFunction[],
 *   longLines: { file: string, line: number, length: number }[] }} FolderFigures
 * @typedef {{ folders: FolderFigures[], cycles: string[][] }} Figures
 */

/**
 * Counts the sources of a checkout.
 * @param {string} dir the checkout
 * @returns {Figures}
 */
export function measure(dir) {
  const folders = FOLDERS.filter((folder) => existsSync(join(dir, folder)));
  const sources = new Map([...folders.flatMap((folder) => readSources(dir, folder)), ...readBeside(dir)]);
  const hasBeside = [...sources.keys()].some((file) => folderOf(file) === BESIDE);
  return {
    folders: [...folders, ...(hasBeside ? [BESIDE] : [])].map((folder) => figuresOf(folder, [...sources.values()])),
    cycles: findCycles(importGraph(sources)),
  };
}

function readSources(dir, folder) {
  return readdirSync(join(dir, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
    .filter((file) => /\.(ts|mjs|js|pl)$/.test(file) && !IGNORED.test(file))
    .sort()
    .map((file) => readSource(dir, file));
}

function readBeside(dir) {
  const modules = readdirSync(dir).filter((name) => /\.(mjs|js)$/.test(name));
  return [...modules.sort(), ...SHELL_SCRIPTS.filter((file) => existsSync(join(dir, file)))].map((file) =>
    readSource(dir, file),
  );
}

function readSource(dir, file) {
  const text = readFileSync(join(dir, file), 'utf8');
  return [file, { file, text, ...(isOtherLanguage(file) ? { functions: [], imports: [] } : factsOf(text)) }];
}

const folderOf = (file) => {
  const [first] = file.split('/');
  return FOLDERS.includes(first) ? first : BESIDE;
};

function figuresOf(folder, sources) {
  const own = sources.filter(({ file }) => folderOf(file) === folder);
  const functions = own.flatMap((source) => source.functions.map((one) => ({ file: source.file, ...one })));
  const lines = own.map(({ file, text }) => ({ file, lines: text.replace(/\n$/, '').split('\n') }));
  return {
    folder,
    files: own.length,
    lines: lines.reduce((sum, each) => sum + each.lines.length, 0),
    functions: functions.length,
    longFunctions: functions.filter((one) => one.lines > FUNCTION_LIMIT).sort((a, b) => b.lines - a.lines),
    longLines: lines.flatMap((each) =>
      each.lines.flatMap(({ length }, index) =>
        length > LINE_LIMIT ? [{ file: each.file, line: index + 1, length }] : [],
      ),
    ),
  };
}

/** @param {ReadonlyMap<string, { readonly imports: readonly string[] }>} sources by path relative to the project */
export function importGraph(sources) {
  return new Map(
    [...sources].map(([file, { imports }]) => [
      file,
      imports.flatMap((specifier) => resolve(file, specifier, sources) ?? []),
    ]),
  );
}

/** The file of the project that a specifier names; null for packages and for what is built or generated. */
function resolve(file, specifier, sources) {
  if (!specifier.startsWith('.')) return null;
  const target = posix.join(posix.dirname(file), specifier);
  return [target, target.replace(/\.js$/, '.ts')].find((candidate) => sources.has(candidate)) ?? null;
}
