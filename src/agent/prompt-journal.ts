/** The prompts of an attempt: written with its steps, and rebuilt from them. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { PromptMessage, PromptReport } from '../domain/attempt-report.js';
import type { AttemptPrompts, RecordedCall, RecordedOutcome } from '../domain/attempt-prompts.js';
import type { PayloadOf } from '../domain/events.js';
import { fitsBytes, SIZES } from '../domain/sizes.js';
import { decodePrompt, encodePrompt, UnreadablePrompt, type CodedPrompt } from './prompt-code.js';
import { assignmentSources, stepSources, turnSources, type SourceStep, type SourceTurn } from './prompt-sources.js';

/** Keys of `turn` with which a prompt is rebuilt. */
export interface PromptRecord {
  /** The system text; absent: that of the last step that has one. */
  readonly system?: string;
  /** The step whose prompt `messages` refers to; absent: none. */
  readonly base?: number;
  /** Absent: it would be too long for a record. */
  readonly messages?: CodedPrompt;
}

export interface PromptJournal {
  /** What to journal of a prompt that was sent. */
  record(messages: readonly PromptMessage[], turn: SourceTurn): PromptRecord;
  /** Takes a step that is journaled; if a model was asked for it, the last recorded prompt is the step's. */
  add(step: SourceStep, asked: boolean): void;
}

/** A step as the journal has it. */
export interface RecordedStep {
  readonly call: RecordedCall;
  readonly outcome: RecordedOutcome | null;
}

export function digestOf(messages: readonly PromptMessage[]): { readonly digest: string; readonly length: number } {
  const text = messages.map(({ role, content }) => `${role}: ${content}`).join('\n\n');
  return { digest: createHash('sha256').update(text).digest('hex'), length: text.length };
}

export function createPromptJournal(
  assignment: PayloadOf<'task_assigned'>,
  history: readonly RecordedStep[],
): PromptJournal {
  const fold = createFold(assignment);
  for (const step of history) {
    fold.promptOf(step.call);
    fold.add(observed(step));
  }
  let sent: { readonly messages: readonly PromptMessage[]; readonly system: string | null } | null = null;
  return {
    record(messages, turn) {
      const [first] = messages;
      const system = first?.role === 'system' ? first.content : null;
      const news = system === null || system === fold.system ? {} : { system };
      const base = fold.newest;
      const texts = new Map([...fold.sources, ...named(system ?? fold.system), ...turnSources(turn)]);
      const coded = encodePrompt(messages, base?.messages ?? [], texts);
      const record = { ...news, ...(base === null ? {} : { base: base.step }), messages: coded };
      const fits = fitsBytes(JSON.stringify(record), SIZES.prompt);
      sent = fits ? { messages, system: system ?? fold.system } : null;
      return fits ? record : {};
    },
    add(step, asked) {
      fold.add(step);
      if (asked && sent !== null) fold.take(step.step, sent);
      sent = null;
    },
  };
}

/** For each step, the prompt that it was asked for with. */
export function rebuildPrompts(
  assignment: PayloadOf<'task_assigned'>,
  steps: readonly RecordedStep[],
): ReadonlyMap<number, PromptReport> {
  const prompts = createPromptReader(assignment);
  return new Map(
    steps.map(({ call, outcome }) => {
      const prompt = prompts.promptOf(call);
      prompts.add(call, outcome);
      return [call.step, prompt];
    }),
  );
}

/** Rebuilds an attempt's prompts one after the other, as its steps are read. */
export function createPromptReader(assignment: PayloadOf<'task_assigned'>): AttemptPrompts {
  const fold = createFold(assignment);
  return { promptOf: fold.promptOf, add: (call, outcome) => fold.add(observed({ call, outcome })) };
}

const observed = ({ call, outcome }: RecordedStep): SourceStep => ({
  ...call,
  observation: outcome?.observation ?? null,
});

interface Sent {
  readonly step: number;
  readonly messages: readonly PromptMessage[];
}

/** What an attempt's steps so far give to the next prompt. */
function createFold(assignment: PayloadOf<'task_assigned'>) {
  const sources = new Map(assignmentSources(assignment));
  let newest: Sent | null = null;
  let system: string | null = null;
  const take = (step: number, sent: { messages: readonly PromptMessage[]; system: string | null }): void => {
    newest = { step, messages: sent.messages };
    ({ system } = sent);
  };
  const add = (step: SourceStep): void => {
    for (const [name, text] of stepSources(step)) sources.set(name, text);
  };
  return {
    sources,
    get newest(): Sent | null {
      return newest;
    },
    get system(): string | null {
      return system;
    },
    add,
    take,
    /** Its prompt; taken as the newest if it is rebuilt exactly. */
    promptOf(call: RecordedCall): PromptReport {
      const read = readTurn(call.turn);
      if (typeof read === 'string') return notRecorded(read);
      const report = rebuild(read);
      if (report.state === 'exact') take(call.step, { messages: report.messages, system: read.system ?? system });
      return report;
    },
  };

  function rebuild(turn: ReadTurn): PromptReport {
    const base = turn.base === undefined ? [] : newest?.step === turn.base ? newest.messages : undefined;
    const texts = new Map([...sources, ...named(turn.system ?? system), ...turnSources(turn)]);
    try {
      if (base === undefined)
        throw new UnreadablePrompt(`the prompt of step ${turn.base}, which it continues, is unknown`);
      return compared(decodePrompt(turn.messages, base, texts), turn.digest);
    } catch (error) {
      if (!(error instanceof UnreadablePrompt)) throw error;
      return { state: 'unreadable', messages: [], digest: turn.digest, why: error.message };
    }
  }
}

const named = (system: string | null): readonly (readonly [string, string])[] =>
  system === null ? [] : [['system', system]];

function compared(messages: readonly PromptMessage[], digest: string): PromptReport {
  const rebuilt = digestOf(messages).digest;
  if (rebuilt === digest) return { state: 'exact', messages, digest, why: null };
  return { state: 'differs', messages, digest, why: `its digest is ${rebuilt}, and ${digest} was recorded` };
}

const notRecorded = (why: string): PromptReport => ({ state: 'not_recorded', messages: [], digest: null, why });

const nonNegative = z.int().min(0);
const segment = z.union([z.string(), z.tuple([z.string(), nonNegative, nonNegative])]);
const recordedTurn = z.object({
  digest: z.string(),
  system: z.string().optional(),
  base: z.int().optional(),
  messages: z.array(
    z.union([z.tuple([nonNegative, nonNegative]), z.tuple([z.enum(['system', 'user', 'assistant'])], segment)]),
  ),
  failovers: z.array(z.string()).default([]),
  rejected: z.array(z.object({ text: z.string(), reason: z.string() })).default([]),
});
type ReadTurn = z.output<typeof recordedTurn>;

/** The turn, or why it has no prompt. */
function readTurn(text: string | null): ReadTurn | string {
  if (text === null) return 'no model was asked for this step, or an older build wrote it';
  try {
    const read = recordedTurn.safeParse(JSON.parse(text));
    return read.success ? read.data : 'an older build wrote it, or it was too long for a record';
  } catch (error) {
    if (error instanceof SyntaxError) return 'its record is not JSON';
    throw error;
  }
}
