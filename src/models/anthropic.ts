import type { ChatModel } from '../ports/model.js';
import { endpointOf } from './endpoint.js';
import { createHostedModel, type HostedOptions } from './hosted.js';

/** The default base URL. */
export const ANTHROPIC_URL = 'https://api.anthropic.com';

/**
 * A Claude model through the Messages API. Replies are streamed and use structured output (output_config.format), or
 * the API's tools where models.yaml says `tool_calls: native`. No temperature and no seed are sent: the API has none.
 *
 * Errors: unreachable (no connection, 5xx, 529, interrupted stream), timeout, rate_limited (with retry-after), refused
 * (key, quota, unknown model, prompt too long, the model declined), invalid. The SDK's retries are off: retry.ts
 * decides on retries.
 */
export function createAnthropicModel(options: HostedOptions): ChatModel {
  const endpoint = endpointOf(options.baseUrl ?? ANTHROPIC_URL);
  return createHostedModel(options, async () => {
    const { anthropicApi } = await import('./anthropic-api.js');
    return anthropicApi(options, endpoint);
  });
}
