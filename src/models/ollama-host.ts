const DEFAULT_PORT = '11434';

/** OLLAMA_HOST is not an address. */
export class OllamaHostError extends Error {
  readonly code = 'ollama_host';
  readonly retriable = false;
}

/**
 * The server's URL from OLLAMA_HOST, in the forms that ollama accepts: host, host:port, :port or a URL. Empty means
 * http://127.0.0.1:11434. A server listens on all addresses with 0.0.0.0; clients then use the loopback address.
 * Throws OllamaHostError.
 */
export function ollamaUrl(host: string | null): string {
  const given = (host ?? '').trim().replace(/^["']|["']$/g, '');
  if (given === '') return `http://127.0.0.1:${DEFAULT_PORT}`;
  const scheme = /^(https?):\/\//.exec(given)?.[1];
  const rest = scheme === undefined ? given : given.slice(scheme.length + 3);
  const address = rest.startsWith(':') ? `127.0.0.1${rest}` : rest;
  const url = URL.canParse(`http://${address}`) && !/^[a-z]+:\/\//i.test(rest) ? new URL(`http://${address}`) : null;
  if (url === null || url.hostname === '') {
    throw new OllamaHostError(
      `OLLAMA_HOST is "${host ?? ''}", which is not an address; use host, host:port or http://host:port`,
    );
  }
  const port = portOf(address, scheme);
  const hostname = url.hostname === '0.0.0.0' ? '127.0.0.1' : url.hostname === '[::]' ? '[::1]' : url.hostname;
  return `${scheme ?? 'http'}://${hostname}:${port}${url.pathname.replace(/\/$/, '')}`;
}

/** As in ollama: a URL without a port has its scheme's default port, anything else 11434. */
function portOf(address: string, scheme: string | undefined): string {
  // The URL class drops a port that is the scheme's default, so the port is read from the text.
  const explicit = /:(\d+)(?:\/|$)/.exec(address)?.[1];
  if (explicit !== undefined) return explicit;
  if (scheme === undefined) return DEFAULT_PORT;
  return scheme === 'https' ? '443' : '80';
}
