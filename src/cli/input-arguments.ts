/** The arguments --set and --inputs. */
import { InvalidArgumentError } from 'commander';
import type { GivenInput } from '../agent/input-values.js';
import { INPUT_NAME } from '../domain/mission-inputs.js';

/** The flags, as commander has them; absent: not given. */
export interface InputFlags {
  readonly set?: readonly GivenInput[];
  /** Names of files. */
  readonly inputs?: readonly string[];
}

export const hasInputs = ({ set = [], inputs = [] }: InputFlags): boolean => set.length + inputs.length > 0;

/** NAME=VALUE; may be given several times. Throws InvalidArgumentError. */
export function setArgument(text: string, before: readonly GivenInput[] = []): readonly GivenInput[] {
  const [, name = '', value = ''] = /^([^=]*)=([\s\S]*)$/.exec(text) ?? [];
  // What was typed may be the value alone: it is not repeated.
  if (!INPUT_NAME.test(name))
    throw new InvalidArgumentError('It must be NAME=VALUE, with the name of an input of the mission file.');
  return [...before, { name, value, form: 'text', problem: inPlace(`--set ${name}`) }];
}

export const fileArgument = (file: string, before: readonly string[] = []): readonly string[] => [...before, file];

/** A problem with what was given there. */
export const inPlace =
  (file: string): GivenInput['problem'] =>
  (message, fix) => ({ file, line: null, column: null, message, fix });
