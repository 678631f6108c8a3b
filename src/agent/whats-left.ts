/** What is left of a task, as the last message of a prompt says it and as `turn` has it. In whole numbers. */
export interface WhatsLeft {
  /** Steps, the one that is asked for included. */
  readonly steps: number;
  readonly seconds: number;
  /** Of the task's share of the budget; null: no limit. */
  readonly tokens: number | null;
}

export function leftText({ steps, seconds, tokens }: WhatsLeft): string {
  const parts = [
    counted(steps, 'step'),
    counted(seconds, 'second'),
    ...(tokens === null ? [] : [counted(tokens, 'token')]),
  ];
  return `Left for this task: ${parts.join(', ')}.`;
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
