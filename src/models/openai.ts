import type { ChatModel } from '../ports/model.js';
import { createHostedModel, type HostedOptions } from './hosted.js';
import { OPENAI_URL, openaiBase } from './openai-base.js';

/**
 * An OpenAI model through Chat Completions, which other servers behind a base URL speak too, more or less: what they
 * refuse is left out from then on (openai-request.ts). Replies are streamed. A temperature is sent only if models.yaml
 * says that the model accepts one.
 *
 * Errors: unreachable (no connection, 5xx, interrupted stream), timeout, rate_limited (with retry-after), refused (key,
 * quota, unknown model, prompt too long, the model declined), invalid. The SDK's retries are off: retry.ts decides on
 * retries.
 */
export function createOpenaiModel(options: HostedOptions): ChatModel {
  const base = openaiBase(options.baseUrl ?? OPENAI_URL);
  return createHostedModel(options, async () => {
    const { openaiApi } = await import('./openai-api.js');
    return openaiApi(options, base);
  });
}
