/** True when the registry's Confluent API answers; null when it does not (yet). */
export async function askRegistry(registryUrl: string): Promise<true | null> {
  try {
    const response = await fetch(`${registryUrl}/subjects`, { signal: AbortSignal.timeout(5_000) });
    await response.arrayBuffer();
    return response.ok ? true : null;
  } catch {
    return null; // not there or not ready: the caller asks again or says so
  }
}
