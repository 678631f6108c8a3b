/** A number that grows, and who waits for it to be reached. */
export interface Milestone {
  /** The count is now this. */
  at(count: number): void;
  /** Resolves when it is at `count` or beyond. */
  reached(count: number): Promise<void>;
}

export function createMilestone(): Milestone {
  let current = 0;
  let waiting: { readonly count: number; resolve(): void }[] = [];
  return {
    at(count) {
      current = count;
      for (const each of waiting) if (each.count <= count) each.resolve();
      waiting = waiting.filter((each) => each.count > count);
    },
    reached: (count) =>
      current >= count ? Promise.resolve() : new Promise((resolve) => waiting.push({ count, resolve })),
  };
}
