/** What a call would do, as far as it can be read before it runs. The rules are about these. */

export type Access = 'read' | 'write' | 'remove';
export const ACCESSES: readonly Access[] = ['read', 'write', 'remove'];

/**
 * In a word: what is known only when the command runs. It is one of the characters that a command must not
 * contain (hidden-characters.ts), so that no text can pass for it.
 */
export const UNKNOWN = '\uFFFC';

/** A command with its words, a change of a variable, a redirection, or a file tool. */
export interface Act {
  /**
   * The program and its arguments, without quotes, wrappers such as sudo taken off; of a changed variable one word,
   * NAME=VALUE. null: no command.
   */
  readonly words: readonly string[] | null;
  readonly paths: readonly ActPath[];
  /** Hosts that the words name, in lower case. */
  readonly hosts: readonly string[];
  /** Whether the default decides about it where no rule does: it does for commands and tools. */
  readonly counts: boolean;
}

export interface ActPath {
  /** Absolute, without . and ..; it ends with UNKNOWN where the rest is not known. It may have the shell's * ? [ ]. */
  readonly path: string;
  readonly access: Access;
  /** It is only one of several files that it may be. Rules about tainted calls take it for the file. */
  readonly maybe?: true;
}

/** A call that was read. */
export interface ReadCall {
  readonly acts: readonly Act[];
  /** What cannot be known before it runs, a sentence's part each, such as "the command's name is $x". */
  readonly unclear: readonly string[];
  /** Why it is refused whatever it does, such as too many commands; null: it is not. */
  readonly refused: { readonly rule: string; readonly reason: string } | null;
}
