/**
 * The instructions of open attempts that wait for a slot. There may be 100,000 of them, and as objects they would take
 * most of a worker's memory (bench/README.md), so that all but the last are packed, in chunks, because what
 * instructions have in common makes them small. Attempts get their slots in order: a chunk is unpacked once for all
 * that it holds.
 */
import type { PayloadOf } from '../../domain/events.js';
import { instructionsOf, withoutInstructions, type Instructions } from '../../domain/task-instructions.js';
import type { Packer } from '../../ports/packer.js';

type Assignment = PayloadOf<'task_assigned'>;

export interface WaitingInstructions {
  /** Keeps the instructions of an attempt; gives the assignment without them. */
  compress(attemptKey: string, assignment: Assignment): Assignment;
  /** The whole assignment again. What was never compressed, or was restored before, is whole already. */
  restore(attemptKey: string, assignment: Assignment): Assignment;
  /** The attempt has ended. */
  drop(attemptKey: string): void;
}

/** Characters of instructions that wait unpacked, of one partition; then they are packed into a chunk. */
const MOST_LOOSE = 64 * 1024;

/** Added for each attempt: its names of fields and its objects, roughly. */
const EACH = 100;

interface Loose {
  readonly instructions: Instructions;
  readonly characters: number;
}

export function createWaitingInstructions(packer: Packer): WaitingInstructions {
  /** The last ones, as they are, and their characters in all. */
  const loose = new Map<string, Loose>();
  let looseCharacters = 0;
  const chunks = new Map<string, Uint8Array>();
  /** The chunk that was asked last. */
  let opened: { readonly chunk: Uint8Array; readonly entries: Map<string, Instructions> } | null = null;

  function packLoose(): void {
    const entries = [...loose].map(([key, { instructions }]) => [key, instructions]);
    const chunk = packer.pack(JSON.stringify(entries));
    for (const key of loose.keys()) chunks.set(key, chunk);
    loose.clear();
    looseCharacters = 0;
  }

  function instructionsIn(chunk: Uint8Array, attemptKey: string): Instructions {
    if (opened?.chunk !== chunk) {
      const entries: readonly (readonly [string, Instructions])[] = JSON.parse(packer.unpack(chunk));
      opened = { chunk, entries: new Map(entries) };
    }
    const found = opened.entries.get(attemptKey);
    if (found === undefined) throw new TypeError(`the instructions of ${attemptKey} are not in their chunk`);
    return found;
  }

  function find(attemptKey: string): Instructions | null {
    const chunk = chunks.get(attemptKey);
    return loose.get(attemptKey)?.instructions ?? (chunk === undefined ? null : instructionsIn(chunk, attemptKey));
  }

  function drop(attemptKey: string): void {
    looseCharacters -= loose.get(attemptKey)?.characters ?? 0;
    loose.delete(attemptKey);
    opened?.entries.delete(attemptKey);
    chunks.delete(attemptKey);
    if (chunks.size === 0) opened = null;
  }

  return {
    compress(attemptKey, assignment) {
      drop(attemptKey);
      const instructions = instructionsOf(assignment);
      const characters = EACH + charactersIn(instructions);
      loose.set(attemptKey, { instructions, characters });
      looseCharacters += characters;
      if (looseCharacters >= MOST_LOOSE) packLoose();
      return withoutInstructions(assignment);
    },
    restore(attemptKey, assignment) {
      const instructions = find(attemptKey);
      if (instructions === null) return assignment;
      drop(attemptKey);
      return { ...assignment, ...instructions };
    },
    drop,
  };
}

/** In all texts of a value, names of fields left out. */
function charactersIn(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  let characters = 0;
  for (const each of Object.values(value)) characters += charactersIn(each);
  return characters;
}
