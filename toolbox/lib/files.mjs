/** Reading and writing the workspace: text, JSON, trees, modes. Every error names the file. */
import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync, mkdirSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { dirname, join, relative } from 'node:path';
import { Problems } from './tool.mjs';

export function readText(file) {
  return readFileSync(file, 'utf8');
}

/** A JSON file's value; YAML that is not JSON is refused. */
export function readJson(file) {
  try {
    return JSON.parse(readText(file));
  } catch (error) {
    if (error instanceof SyntaxError) throw new Problems([`${file}: is not JSON: ${error.message}`]);
    throw error;
  }
}

/** Names at the root that are no part of the work: the swarm's own state in a given workspace, and git's. */
const NOT_OURS = /^(\.ravenhelm|\.git)(\/|$)/;

/** Every file below a directory, as sorted paths relative to it. */
export function listFiles(root) {
  return readdirSync(root, { withFileTypes: true, recursive: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
    .filter((path) => !NOT_OURS.test(path))
    .sort();
}

export function exists(file) {
  return statSync(file, { throwIfNoEntry: false }) !== undefined;
}

/** Permission bits as three octal digits, such as 600. */
export function modeOf(file) {
  return (statSync(file).mode & 0o777).toString(8).padStart(3, '0');
}

export function sha256(content) {
  return createHash('sha256').update(content).digest('hex');
}

/** Writes whole files only: a step that is cut off leaves the old file or the new one. */
export function writeWhole(file, content, mode = 0o644) {
  mkdirSync(dirname(file), { recursive: true });
  const part = `${file}.part`;
  rmSync(part, { force: true });
  writeFileSync(part, content, { mode });
  renameSync(part, file);
}
