/** What was opened is closed once, in reverse order: at its end, or when the bench is interrupted. */
const open: (() => Promise<void>)[] = [];

/** Closes once; later calls get the same promise. */
export function closeOnce(close: () => Promise<void>): () => Promise<void> {
  let closing: Promise<void> | null = null;
  const once = () => (closing ??= close());
  open.push(once);
  return once;
}

export async function closeAll(): Promise<void> {
  for (const close of open.splice(0).reverse()) await close();
}
