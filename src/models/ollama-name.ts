/** The parts that ollama adds to a name that lacks them. */
const REGISTRY = 'registry.ollama.ai';
const NAMESPACE = 'library';
const TAG = 'latest';

/**
 * Whether two names mean the same model to ollama: it compares without case and adds registry.ollama.ai, library and
 * :latest (types/model/name.go). A digest and a scheme in front say nothing of the model. huggingface.co and hf.co are
 * one registry.
 */
export function sameOllamaModel(one: string, other: string): boolean {
  return canonicalOllamaName(one) === canonicalOllamaName(other);
}

/** The name with all its parts, in lower case: registry/namespace/model:tag. */
export function canonicalOllamaName(name: string): string {
  const [plain = ''] = name
    .trim()
    .toLowerCase()
    .replace(/^[a-z]+:\/\//, '')
    .split('@');
  const slash = plain.lastIndexOf('/');
  const colon = plain.indexOf(':', slash + 1);
  const model = colon < 0 ? plain.slice(slash + 1) : plain.slice(slash + 1, colon);
  const tag = colon < 0 ? '' : plain.slice(colon + 1);
  const before = slash < 0 ? [] : plain.slice(0, slash).split('/');
  const namespace = before.at(-1) ?? NAMESPACE;
  const registry = before
    .slice(0, -1)
    .join('/')
    .replace(/^huggingface\.co$/, 'hf.co');
  return `${registry || REGISTRY}/${namespace || NAMESPACE}/${model}:${tag || TAG}`;
}
