/**
 * Histories as lists of moves, which fast-check makes and shortens: a failure is shown by the shortest list that it
 * finds.
 */
import fc from 'fast-check';
import { seededRandom, type Random } from './events.js';

/** A move's choices come from its own number, so that leaving out one move changes no other. */
export type Move = number;

export function choicesOf(move: Move): Random {
  return seededRandom(move);
}

const move: fc.Arbitrary<Move> = fc.noBias(fc.nat(0xffff_ffff));

/** `length` moves on average, at most twice as many. */
export function moves(length: number): fc.Arbitrary<readonly Move[]> {
  return fc.noBias(fc.array(move, { minLength: 0, maxLength: 2 * length, size: 'max' }));
}

/** Choices that are made beside a history, such as where it is cut. */
export const aside = move;
