/**
 * The texts of the journal that prompts are made of, by name. The names, and what each means, are part of the
 * journal's format (`messages` of `turn`, schemas/tool-called.avsc): they may be added to and never change.
 */
import type { PayloadOf } from '../domain/events.js';
import type { RejectedReply } from './prompt-text.js';
import type { Sources } from './prompt-code.js';

/** A journaled step. */
export interface SourceStep {
  /** From 1. */
  readonly step: number;
  readonly thought: string;
  /** A JSON object, as it is journaled. */
  readonly arguments: string;
  /** null: there is none yet. */
  readonly observation: string | null;
}

/** What the step's own record has. */
export interface SourceTurn {
  readonly failovers: readonly string[];
  readonly rejected: readonly RejectedReply[];
}

export function assignmentSources({
  brief,
  description,
  feedback,
  answer,
  inputs,
  acceptance,
  protected: listed,
}: PayloadOf<'task_assigned'>): Sources {
  return sources([
    ['brief', brief],
    ['description', description],
    ['feedback', feedback ?? ''],
    ['answer', answer ?? ''],
    ...acceptance.map(({ command }, index): Named => [`check ${index}`, command]),
    ['protected', listed.join(', ')],
    ...inputs.flatMap(({ summary, outputs }, index): readonly Named[] => [
      [`summary ${index}`, summary],
      ...Object.entries(outputs).map(([name, value]): Named => [`result ${index} ${name}`, value]),
    ]),
  ]);
}

export function stepSources({ step, thought, arguments: args, observation }: SourceStep): Sources {
  return sources([
    [`thought ${step}`, thought],
    [`arguments ${step}`, args],
    ...(observation === null ? [] : [[`observation ${step}`, observation] as const]),
  ]);
}

export function turnSources({ failovers, rejected }: SourceTurn): Sources {
  return sources([
    ...failovers.map((text, index): Named => [`failover ${index}`, text]),
    ...rejected.flatMap(({ text, reason }, index): readonly Named[] => [
      [`rejected ${index}`, text],
      [`reason ${index}`, reason],
    ]),
  ]);
}

type Named = readonly [name: string, text: string];

const sources = (named: readonly Named[]): Sources => new Map(named.map(([name, text]) => [name, asRecorded(text)]));

/** Half of a surrogate pair is written to the log as U+FFFD. */
function asRecorded(text: string): string {
  return text.replaceAll(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd');
}
