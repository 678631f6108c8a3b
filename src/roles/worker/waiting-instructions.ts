/**
 * The instructions of open attempts that wait for a slot. There may be 100,000 of them, and as objects they would take
 * most of a worker's memory (bench/README.md), so that all but the last few are packed, in chunks, because what
 * instructions have in common makes them small.
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

const CHUNK = 64;

export function createWaitingInstructions(packer: Packer): WaitingInstructions {
  /** The last few, as they are. */
  let loose = new Map<string, Instructions>();
  const chunks = new Map<string, Uint8Array>();

  function packLoose(): void {
    const chunk = packer.pack(JSON.stringify([...loose]));
    for (const key of loose.keys()) chunks.set(key, chunk);
    loose = new Map();
  }

  function instructionsIn(chunk: Uint8Array, attemptKey: string): Instructions {
    const entries: readonly (readonly [string, Instructions])[] = JSON.parse(packer.unpack(chunk));
    const found = entries.find(([key]) => key === attemptKey);
    if (found === undefined) throw new TypeError(`the instructions of ${attemptKey} are not in their chunk`);
    return found[1];
  }

  function drop(attemptKey: string): void {
    loose.delete(attemptKey);
    chunks.delete(attemptKey);
  }

  return {
    compress(attemptKey, assignment) {
      loose.set(attemptKey, instructionsOf(assignment));
      if (loose.size >= CHUNK) packLoose();
      return withoutInstructions(assignment);
    },
    restore(attemptKey, assignment) {
      const chunk = chunks.get(attemptKey);
      const instructions =
        loose.get(attemptKey) ?? (chunk === undefined ? undefined : instructionsIn(chunk, attemptKey));
      drop(attemptKey);
      return instructions === undefined ? assignment : { ...assignment, ...instructions };
    },
    drop,
  };
}
