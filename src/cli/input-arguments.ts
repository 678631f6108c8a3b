/** The arguments --set and --inputs. */
import type { GivenInput } from '../agent/input-values.js';
import { INPUT_NAME } from '../domain/mission-inputs.js';
import { wrongUse } from './cli-error.js';

/** null: it is not NAME=VALUE. */
type SetArgument = GivenInput | null;

/** The flags, as commander has them; absent: not given. */
export interface InputFlags {
  readonly set?: readonly SetArgument[];
  /** Names of files. */
  readonly inputs?: readonly string[];
}

export const hasInputs = ({ set = [], inputs = [] }: InputFlags): boolean => set.length + inputs.length > 0;

/**
 * NAME=VALUE; may be given several times. What was typed may be the value alone, and a secret: commander would repeat
 * it if this threw, and setInputs throws instead.
 */
export function setArgument(text: string, before: readonly SetArgument[] = []): readonly SetArgument[] {
  const [, name = '', value = ''] = /^([^=]*)=([\s\S]*)$/.exec(text) ?? [];
  if (!INPUT_NAME.test(name)) return [...before, null];
  return [...before, { name, value, form: 'text', problem: inPlace(`--set ${name}`) }];
}

/** Those of --set. Throws CliError. */
export function setInputs({ set = [] }: InputFlags): readonly GivenInput[] {
  const inputs = set.filter((input) => input !== null);
  if (inputs.length === set.length) return inputs;
  throw wrongUse(
    '--set must be NAME=VALUE',
    'Give the name of an input of the mission file, such as --set zone=south.',
  );
}

export const fileArgument = (file: string, before: readonly string[] = []): readonly string[] => [...before, file];

/** A problem with what was given there. */
export const inPlace =
  (file: string): GivenInput['problem'] =>
  (message, fix) => ({ file, line: null, column: null, message, fix });
