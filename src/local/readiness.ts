/** true if the registry's Confluent API answers; null if it does not (yet). */
export async function askRegistry(registryUrl: string): Promise<true | null> {
  try {
    const response = await fetch(`${registryUrl}/subjects`, { signal: AbortSignal.timeout(5_000) });
    await response.arrayBuffer();
    return response.ok ? true : null;
  } catch {
    return null; // not running or not ready: the caller retries or reports it
  }
}
