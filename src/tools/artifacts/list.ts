/** The files of a workspace that a task leaves for people, as they are now. */
import type { FileHandle } from 'node:fs/promises';
import { hostname } from 'node:os';
import { ARTIFACT_LIMITS } from '../../domain/artifacts.js';
import type { Redact } from '../../domain/redaction.js';
import { byteLength } from '../../domain/sizes.js';
import type { ArtifactFacts } from '../../ports/tools.js';
import { STATE_DIRECTORY, type RunPlace } from '../places.js';
import { secretFreeSize } from '../secret-scan.js';
import { digestOnly } from '../snapshots/object-store.js';
import { walkWorkspace } from '../snapshots/walk.js';
import { reading } from '../system-errors.js';
import { artifactPatterns } from './patterns.js';

export interface ListArtifactsOptions {
  readonly patterns: readonly string[];
  /** Files in which it would hide something are left out: who may see artifacts need not be who may see secrets. */
  readonly redact: Redact;
  /** From then on, what is not read yet is left out. */
  readonly late: AbortSignal;
  readonly signal: AbortSignal;
  readonly limits?: typeof ARTIFACT_LIMITS;
}

/** Rejects with the file system's errors, and the signal's reason. */
export async function listArtifacts(
  { workspace, holdsState }: Pick<RunPlace, 'workspace' | 'holdsState'>,
  { patterns: texts, redact, late, signal, limits = ARTIFACT_LIMITS }: ListArtifactsOptions,
): Promise<ArtifactFacts> {
  const patterns = artifactPatterns(texts);
  const listing = createListing(texts, limits, redact);
  const leaveOutOf = (why: string) => (path: string) => {
    if (patterns.naming(path).length > 0 || patterns.leadingBelow(path).length > 0) listing.leaveOut(path, why);
  };
  const isListable = (path: string, size: bigint) => {
    if (redact(path) === path) return listing.hasRoomFor(path, size);
    // The result would have another path, under which there is no file.
    listing.leaveOut(path, 'its path holds a secret');
    return false;
  };
  await walkWorkspace({
    root: workspace,
    hidden: holdsState ? STATE_DIRECTORY : null,
    signal,
    onDirectory: () => undefined,
    isSkipped(path, isDirectory, size) {
      const naming = isDirectory ? patterns.leadingBelow(path) : patterns.naming(path);
      if (naming.length === 0) return true;
      // Of what is not looked at, it is not known that a pattern matches nothing.
      if (!isDirectory || late.aborted) listing.match(naming);
      if (!late.aborted) return !isDirectory && !isListable(path, size);
      listing.leaveOut(path, LATE);
      return true;
    },
    isSame: () => false,
    async read(path, file) {
      const stop = AbortSignal.any([signal, late]);
      const found = await readOne(file, limits.fileBytes, redact, stop).catch((error: unknown) => {
        if (!late.aborted || signal.aborted) throw error;
        return LATE;
      });
      if (typeof found === 'string') {
        listing.leaveOut(path, found);
        return null;
      }
      listing.add({ path, ...found });
      return { digest: found.digest, stats: await reading(file.stat({ bigint: true })) };
    },
    readTarget: async () => '',
    onUnreadable: leaveOutOf('it cannot be read'),
    onNoText: leaveOutOf('its name is not UTF-8'),
    onTooDeep: leaveOutOf('it is too deep'),
    onEntry({ path, type }) {
      if (type === 'link') listing.leaveOut(path, 'it is a symbolic link');
      if (type === 'other') listing.leaveOut(path, 'it is no regular file');
    },
  });
  return { host: hostname(), directory: workspace, ...listing.facts() };
}

const LATE = 'it was not read in time';

type Found = { readonly bytes: number; readonly digest: string };

/** Why it is left out, or what it holds. */
async function readOne(
  file: FileHandle,
  mostBytes: number,
  redact: Redact,
  signal: AbortSignal,
): Promise<Found | string> {
  const { size } = await reading(file.stat());
  if (size > mostBytes) return tooLarge(mostBytes);
  const bytes = await secretFreeSize(file, redact, signal);
  return bytes === null ? 'it holds a secret' : { bytes, digest: await digestOnly(file, signal) };
}

const MIB = 1024 * 1024;
const tooLarge = (mostBytes: number): string => `it has more than ${mostBytes / MIB} MiB`;

function createListing(texts: readonly string[], limits: typeof ARTIFACT_LIMITS, redact: Redact) {
  const files: (Found & { readonly path: string })[] = [];
  const leftOut: { readonly path: string; readonly why: string }[] = [];
  const matched = new Set<string>();
  let leftOutCount = 0;
  let [taken, pathBytes, bytes] = [0, 0, 0];
  const leaveOut = (path: string, why: string): void => {
    leftOutCount += 1;
    if (leftOut.length < limits.leftOut) leftOut.push({ path: redact(path), why });
  };
  return {
    leaveOut,
    add: (file: (typeof files)[number]) => void files.push(file),
    match: (naming: readonly string[]) => naming.forEach((pattern) => matched.add(pattern)),
    /** Whether a file is read: in the order in which they are looked at, until one of the limits is reached. */
    hasRoomFor(path: string, size: bigint): boolean {
      const [ownPath, own] = [byteLength(path), Number(size)];
      const refuse = (why: string) => {
        leaveOut(path, why);
        return false;
      };
      if (own > limits.fileBytes) return refuse(tooLarge(limits.fileBytes));
      if (taken + 1 > limits.files) return refuse(`the task has more than ${limits.files} artifacts`);
      if (pathBytes + ownPath > limits.pathBytes)
        return refuse(`the paths of the task's artifacts have more than ${limits.pathBytes / 1024} KiB`);
      if (bytes + own > limits.bytes) return refuse(`the task's artifacts have more than ${limits.bytes / MIB} MiB`);
      [taken, pathBytes, bytes] = [taken + 1, pathBytes + ownPath, bytes + own];
      return true;
    },
    facts: () => ({
      files: files.sort((a, b) => (a.path < b.path ? -1 : 1)),
      unmatched: texts.filter((text) => !matched.has(text)),
      leftOut,
      leftOutCount,
    }),
  };
}
