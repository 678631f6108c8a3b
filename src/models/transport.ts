import { createLeanFetch } from './lean-fetch.js';
import { withoutCredentials } from './endpoint.js';
import { NO_PROXIES, proxyFor, type ProxySettings } from './proxy.js';

/** How the adapters reach their servers: directly, or through the proxy that the environment names. */
export interface Transport {
  readonly fetch: typeof fetch;
  /** The same for those who read no more of a response than LeanResponse has. */
  readonly leanFetch: typeof fetch;
  /** The proxy for a URL, without credentials; null: none. */
  proxyOf(url: string): string | null;
}

/** Node 20's fetch reads no proxy variables, and accepts only the agents of the undici inside Node. */
export function createTransport(proxies: ProxySettings = NO_PROXIES): Transport {
  const agents = new Map<string, Promise<typeof fetch>>();
  const directlyOr =
    (direct: typeof fetch): typeof fetch =>
    async (input, init) => {
      const proxy = proxyFor(urlOf(input), proxies);
      if (proxy === null) return direct(input, init);
      const through = agents.get(proxy) ?? fetchThrough(proxy);
      agents.set(proxy, through);
      return (await through)(input, init);
    };
  const whole = directlyOr((input, init) => fetch(input, init));
  return {
    fetch: whole,
    leanFetch: directlyOr(createLeanFetch(whole)),
    proxyOf: (url) => {
      const proxy = proxyFor(new URL(url), proxies);
      return proxy === null ? null : withoutCredentials(proxy);
    },
  };
}

/** A fetch of the undici package through one proxy. Loaded only where there is a proxy. */
async function fetchThrough(proxy: string): Promise<typeof fetch> {
  const undici = await import('undici');
  // http:// is forwarded and https:// tunneled with CONNECT, as curl does; many proxies refuse CONNECT to port 11434.
  const dispatcher = new undici.ProxyAgent({ uri: proxy, proxyTunnel: false });
  const send: (input: string, init: object) => Promise<unknown> = undici.fetch;
  return async (input, init) =>
    // The package's Response is Node's of another version: the same interface, another class.
    (await send(urlOf(input).href, { ...init, dispatcher })) as Response;
}

function urlOf(input: Parameters<typeof fetch>[0]): URL {
  return new URL(typeof input === 'string' ? input : 'url' in input ? input.url : input.href);
}
