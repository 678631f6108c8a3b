/** The innermost cause: clients wrap a server's own error once or twice. */
export function rootCause(error: unknown): unknown {
  return error instanceof Error && error.cause instanceof Error ? rootCause(error.cause) : error;
}

export function describeError(error: unknown): string {
  const root = rootCause(error);
  return root instanceof Error ? root.message || root.name : String(root);
}
