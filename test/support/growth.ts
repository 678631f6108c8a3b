/** Whether work grows with the length of a text, or with its square. */

const SHORT = 12_500;
const LONG = 100_000;
/** Eight times the length: eight times the work, or 64 times. */
const MOST_TIMES = 30;
/** Less says nothing: the compiler and the collector of memory take as long. */
const LEAST_MS = 4;
const TRIES = 3;

/**
 * How many times as long a text of 100,000 characters takes as one of 12,500, at most 30 where the work is linear. It
 * counts the processor's time of this process, which other programs do not change much; the shortest of several tries.
 */
export function growthOf(work: (text: string) => unknown, textOf: (characters: number) => string): number {
  const [short, long] = [textOf(SHORT), textOf(LONG)];
  let [shortMs, longMs] = [Infinity, Infinity];
  let growth = Infinity;
  for (let tries = 0; tries < TRIES && growth > MOST_TIMES; tries += 1) {
    shortMs = Math.min(
      shortMs,
      processorMs(() => work(short)),
    );
    longMs = Math.min(
      longMs,
      processorMs(() => work(long)),
    );
    growth = longMs / Math.max(shortMs, LEAST_MS);
  }
  return growth;
}

export { MOST_TIMES };

function processorMs(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
