/** Base URLs of Chat Completions. */
import { endpointOf, type Endpoint } from './endpoint.js';

/** The default. */
export const OPENAI_URL = 'https://api.openai.com/v1';

export interface OpenaiBase {
  readonly endpoint: Endpoint;
  readonly query: Record<string, string>;
}

/**
 * The base URL without what people paste with it: the path of Chat Completions. A query belongs to every request:
 * Azure's deployments need ?api-version=….
 */
export function openaiBase(text: string): OpenaiBase {
  const { url, ...credentials } = endpointOf(text);
  const { origin, pathname, searchParams } = new URL(url);
  const path = pathname.replace(/\/+$/, '').replace(/\/chat\/completions$/, '');
  return { endpoint: { ...credentials, url: `${origin}${path}` }, query: Object.fromEntries(searchParams) };
}

/** Azure's deployments take the key in a header of this name and no other. */
export const isAzure = (url: string): boolean => new URL(url).hostname.endsWith('.azure.com');

/** OpenAI's own server, and no other that speaks its API. */
export const isOpenai = (url: string): boolean => new URL(url).hostname === new URL(OPENAI_URL).hostname;
