/** How much of a task's time and steps the models before one that knows its needs may use. */
import type { ChatModel } from '../ports/model.js';
import { nextInChain } from './chain-place.js';
import type { Loop } from './loop-state.js';
import type { SetAside } from './set-aside.js';
import type { PassedWhy } from './step.js';

/** A call that gets less than this is not made while another model follows. */
export const LEAST_CALL_MS = 100;
/** A step that was decided gets at least this much. */
const LEAST_STEP_MS = 1_000;

/** What is set aside behind the current model; null: nothing. */
export function setAsideNow({ setAside, chainIndex }: Loop): SetAside | null {
  return setAside !== null && chainIndex < setAside.index ? setAside : null;
}

/**
 * The time of a call in milliseconds. While another model follows, at most half of what is left, and nothing of what is
 * set aside.
 */
export function callLimitMs(loop: Loop, remainingMs: number): number {
  const next = nextInChain(loop.effects.chain, loop.chainIndex, loop.task.playbook);
  if (next === undefined) return remainingMs;
  const aside = setAsideNow(loop);
  if (aside === null) return remainingMs / 2;
  const room = Math.max(0, remainingMs - aside.ms);
  return next === aside.model ? Math.min(room, remainingMs / 2) : room / 2;
}

/** The time that a step may take, in milliseconds, without what is set aside. */
export function timeForStep(loop: Loop): number {
  const remainingMs = loop.effects.remainingMs();
  const aside = setAsideNow(loop);
  return aside === null ? remainingMs : Math.min(remainingMs, Math.max(LEAST_STEP_MS, remainingMs - aside.ms));
}

/** Why a model is not asked: the steps that are left are set aside. null: it has one. */
export function noStepLeft(loop: Loop, { name }: ChatModel): PassedWhy | null {
  const aside = setAsideNow(loop);
  const { maxSteps } = loop.task.agent;
  if (aside === null || maxSteps - loop.transcript.steps.length > aside.steps) return null;
  const text = `${name}: the last ${aside.steps} of ${maxSteps} steps are for ${aside.model.name}`;
  return { model: name, cause: 'gave_up', retriable: true, text };
}
