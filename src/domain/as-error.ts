/** The reason of a failure as an Error, whatever was thrown. */
export const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)));
