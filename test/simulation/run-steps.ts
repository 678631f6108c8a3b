/** Immediates that are set at once; one turn of the event loop serves them all. */
const BATCH = 256;

/**
 * Calls step until it returns false. Before each call every promise chain has run to where it waits for something, and
 * unhandled rejections were reported: node does both between any two immediates. Those of a batch share one
 * turn of the event loop, for a turn (it asks the kernel) takes longer than most steps.
 */
export function runSteps(step: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let over = false;
    const end = (settle: () => void): void => {
      over = true;
      settle();
    };
    const once = (): void => {
      if (over) return;
      try {
        if (!step()) end(resolve);
      } catch (error) {
        end(() => reject(error));
      }
    };
    const batch = (): void => {
      if (over) return;
      for (let i = 0; i < BATCH; i++) setImmediate(once);
      setImmediate(batch);
    };
    batch();
  });
}
