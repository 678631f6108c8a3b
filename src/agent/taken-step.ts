import { z } from 'zod';
import type { CheckResult } from '../domain/events.js';
import type { PastStep, TokenCost } from '../ports/model.js';
import type { JournaledStep, StepDecision, StepResult } from './loop-contract.js';

/** A step with an outcome, read from the journal or just performed. */
export interface TakenStep extends PastStep {
  readonly thought: string;
  /** sha256 of the whole output, hex; null if there is no output. */
  readonly digest: string | null;
  /** The checks that ran, for a finish; else null. */
  readonly checks: readonly CheckResult[] | null;
  /** Of a finish: protected files that are not as they were. */
  readonly changed: readonly string[];
  readonly idempotent: boolean;
  readonly chainIndex: number;
  /** What the step has reserved for the next turn. */
  readonly reserved: TokenCost;
  /** Tools of further calls of the reply, which did not run. */
  readonly notRun: readonly string[];
  /** Whether a person refused it: then the observation is what the person says, and no data. */
  readonly saysPerson?: boolean;
}

const argumentsSchema = z.record(z.string(), z.unknown());

/** A step of an earlier owner. */
export function fromJournal({ call, outcome }: JournaledStep): TakenStep {
  return {
    step: call.step,
    thought: call.thought,
    tool: call.tool,
    arguments: argumentsSchema.parse(JSON.parse(call.arguments)),
    model: call.model,
    idempotent: call.idempotent,
    chainIndex: call.chain_index,
    reserved: { tokens: call.reserved_tokens, usd: call.reserved_usd },
    notRun: notRunOf(call.turn),
    outcome: outcome.outcome,
    exitCode: outcome.exit_code,
    observation: outcome.observation,
    digest: outcome.output_digest,
    checks: outcome.checks,
    changed: outcome.changed_paths,
    saysPerson: call.refused_because !== null && outcome.outcome === 'refused',
  };
}

/** A step that this loop decided and performed. */
export function fromResult(step: number, decision: StepDecision, result: StepResult): TakenStep {
  return {
    step,
    thought: decision.thought,
    tool: decision.tool,
    arguments: decision.arguments,
    model: decision.model,
    idempotent: decision.idempotent,
    chainIndex: decision.chainIndex,
    reserved: decision.reserved,
    notRun: decision.notRun,
    outcome: result.outcome,
    exitCode: result.exitCode,
    observation: result.observation,
    digest: result.outputDigest,
    checks: result.checks,
    changed: result.changed ?? [],
    saysPerson: result.saysPerson === true,
  };
}

/** Of the field turn (turn-record.ts). */
const recorded = z.object({ not_run: z.array(z.string()).default([]) });

/** Tools of further calls of the reply, from a journaled turn; none if it has no record, or one of another build. */
function notRunOf(turn: string | null): readonly string[] {
  if (turn === null) return [];
  try {
    return recorded.safeParse(JSON.parse(turn)).data?.not_run ?? [];
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}
