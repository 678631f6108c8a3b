/** What each model did in an attempt, and how long it took, for the reason of its end. */
import type { JournaledStep } from './loop-contract.js';

interface Work {
  readonly calls: number;
  readonly steps: number;
  /** Of its calls and of its steps' tools. */
  readonly ms: number;
}

export interface ModelWork {
  called(model: string, ms: number): void;
  stepped(model: string, ms: number): void;
  /** "ollama:x took 150.0 s (4 calls, 3 steps)", for each model by its first call; empty: none was asked. */
  text(): string;
}

/** @param history steps of earlier owners; what their calls without a step took is not known */
export function createModelWork(history: readonly JournaledStep[]): ModelWork {
  const done = new Map<string, Work>();
  const add = (model: string, more: Work): void => {
    const { calls, steps, ms } = done.get(model) ?? { calls: 0, steps: 0, ms: 0 };
    done.set(model, { calls: calls + more.calls, steps: steps + more.steps, ms: ms + more.ms });
  };
  const called = (model: string, ms: number) => add(model, { calls: 1, steps: 0, ms });
  const stepped = (model: string, ms: number) => add(model, { calls: 0, steps: 1, ms });
  for (const { call, outcome } of history) {
    if (call.turn !== null) called(call.model, call.model_ms ?? 0);
    stepped(call.model, outcome.duration_ms);
  }
  return {
    called,
    stepped,
    text: () =>
      [...done]
        .map(([model, { calls, steps, ms }]) => {
          const counts = `${counted(calls, 'call')}, ${counted(steps, 'step')}`;
          return `${model} took ${(ms / 1000).toFixed(1)} s (${counts})`;
        })
        .join('; '),
  };
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
