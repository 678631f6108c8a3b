/** The safety rules, each switched off by changing the sources; and a seed that then breaks a promise. */
export interface Mutant {
  readonly name: string;
  /** The rule that is off. */
  readonly rule: string;
  readonly changes: readonly { readonly file: string; readonly from: string; readonly to: string }[];
  /** A seed that fails with it. */
  readonly seed: number;
}

export const MUTANTS: readonly Mutant[] = [];
