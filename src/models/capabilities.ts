import { isJson } from '../domain/json-object.js';
import type { ChatReply, ChatRequest, ReplyForm } from '../ports/model.js';
import { isModelsOwn, type ApiAnswer } from './http-errors.js';

/** tool_calls in models.yaml: native: the API's own tool calls; json: JSON in the text; auto: what works best. */
export type ToolCalls = 'native' | 'json' | 'auto';

/** A part of a request that some servers refuse, and how their refusals name it. */
export interface Trait<Feature extends string> {
  readonly feature: Feature;
  /** The feature in a server's message or in its `param`. */
  readonly names: RegExp;
  /** What else the message must say; default: that something is not supported. */
  readonly refusal?: RegExp;
}

/** What one request used. */
export interface Sent<Feature extends string> {
  readonly form: ReplyForm;
  readonly features: ReadonlySet<Feature>;
  /** The schema that was sent; null: none. */
  readonly schema: object | null;
}

/**
 * What one model of one endpoint takes, as found out from its refusals and remembered until the process ends. It only
 * ever shrinks, and learn() names nothing that the request did not use: so a request is repeated at most once for each
 * feature.
 */
export interface Capabilities<Feature extends string> {
  takes(feature: Feature): boolean;
  /** The best form that is left for this request. */
  formFor(request: ChatRequest): ReplyForm;
  /** The feature that the server refused, which is left out from now on; null: the refusal is about something else. */
  learn(answer: ApiAnswer, sent: Sent<Feature>): Feature | null;
  /** A complete reply to a request with a schema was not JSON: the server accepts schemas and ignores them. */
  ignoresSchemas(): void;
}

/** More than the features of any API, so that a mistake in the rules below cannot make an endless loop. */
export const MOST_REFUSALS = 20;

/** Forms that a server can refuse; plain is always left. */
export type FormFeature = Exclude<ReplyForm, 'plain'>;

export interface CapabilitiesOptions<Feature extends string> {
  /** In the order of matching: the more exact name first. */
  readonly traits: readonly Trait<Feature>[];
  readonly toolCalls: ToolCalls;
  /** The forms that the API has. */
  readonly forms: readonly ReplyForm[];
}

const ORDER: Readonly<Record<ToolCalls, readonly ReplyForm[]>> = {
  auto: ['json_schema', 'native', 'json_object', 'plain'],
  json: ['json_schema', 'json_object', 'plain'],
  native: ['native', 'json_schema', 'json_object', 'plain'],
};

/** llama.cpp and servers behind it answer 500 to features they lack, OpenRouter 404; the words decide. */
const STATUSES: readonly number[] = [400, 404, 422, 500, 501];

/** How servers say that they do not take something (sources: test/models/servers). */
const NOT_SUPPORTED = new RegExp(
  [
    'unsupported',
    'not (?:currently |yet )?(?:supported|implemented|permitted|allowed|available|enabled|recogni[sz]ed)',
    "(?:not|n't) support",
    'un(?:implemented|recogni[sz]ed|known|expected|available)',
    'extra[_ ](?:inputs?|fields?|forbidden)',
    'additional propert',
    'cannot find field',
    'must (?:either )?be (?:one of|a named|[\'"`])',
    'deprecated',
    'input should be',
    'requires? (?:the )?--',
    'invalid (?:parameter|param|argument|field|value|option|request parameter)\\b',
    'cannot unmarshal',
    'use [\'"`]?\\w+[\'"`]? instead',
    'cannot be (?:used|specified|combined)',
    'but not both',
    'no endpoints found',
    'vocabulary required for format',
  ].join('|'),
  'i',
);

/** A schema that the server cannot use; the next schema may be another. */
const BAD_SCHEMA = /schema|grammar/i;
const UNUSABLE = /invalid|fail|error|unimplemented|not supported|unsupported|unrecogni[sz]ed|could not understand/i;

export function createCapabilities<Feature extends string>(
  options: CapabilitiesOptions<Feature | FormFeature>,
): Capabilities<Feature | FormFeature> {
  const refused = new Set<Feature | FormFeature>();
  const badSchemas = new Set<string>();
  let schemasCount = true;
  const isLeft = (form: ReplyForm, request: ChatRequest): boolean => {
    if (form === 'plain') return true;
    if (!options.forms.includes(form) || refused.has(form)) return false;
    if (form === 'native') return (request.tools ?? []).length > 0;
    return form !== 'json_schema' || badSchemas.size === 0 || !badSchemas.has(JSON.stringify(request.schema));
  };
  return {
    takes: (feature) => !refused.has(feature),
    formFor(request) {
      const order = options.toolCalls === 'auto' && !schemasCount ? ORDER.native : ORDER[options.toolCalls];
      return order.find((form) => isLeft(form, request)) ?? 'plain';
    },
    learn(answer, sent) {
      if (answer.status === null || !STATUSES.includes(answer.status) || isModelsOwn(answer.words)) return null;
      const named = namedFeature(answer, sent, options.traits);
      if (named !== null) {
        refused.add(named);
        return named;
      }
      if (sent.form !== 'json_schema' || sent.schema === null || !isAboutSchema(answer)) return null;
      badSchemas.add(JSON.stringify(sent.schema));
      return 'json_schema';
    },
    ignoresSchemas: () => void (schemasCount = false),
  };
}

/** A request in the making: its form, and what of the API it uses so far. */
export interface RequestDraft<Feature extends string> {
  readonly form: ReplyForm;
  readonly features: Set<Feature>;
  /** The fields if the server takes the feature, which then counts as used; none otherwise. */
  use<Fields extends object>(feature: Feature, fields: Fields): Partial<Fields>;
  /** What the request used, for learn(). */
  sent(): Sent<Feature>;
}

/** The draft of a request in the best form that is left for it. */
export function draftRequest<Feature extends string>(
  can: Capabilities<Feature | FormFeature>,
  request: ChatRequest,
): RequestDraft<Feature | FormFeature> {
  const form = can.formFor(request);
  const features = new Set<Feature | FormFeature>(form === 'plain' ? [] : [form]);
  return {
    form,
    features,
    use(feature, fields) {
      if (!can.takes(feature)) return {};
      features.add(feature);
      return fields;
    },
    sent: () => ({ form, features, schema: form === 'json_schema' ? request.schema : null }),
  };
}

function namedFeature<Feature extends string>(
  { words }: ApiAnswer,
  { features }: Sent<Feature>,
  traits: readonly Trait<Feature>[],
): Feature | null {
  const used = traits.filter(({ feature }) => features.has(feature));
  const says = (trait: Trait<Feature>) => (trait.refusal ?? NOT_SUPPORTED).test(words.full);
  const byParam = words.param === null ? undefined : used.find(({ names }) => names.test(words.param ?? ''));
  const found =
    byParam !== undefined && says(byParam) ? byParam : used.find((one) => one.names.test(words.full) && says(one));
  return found?.feature ?? null;
}

const isAboutSchema = ({ words }: ApiAnswer): boolean => BAD_SCHEMA.test(words.full) && UNUSABLE.test(words.full);

/** A request's field by its name, where the name is also a common word: quoted, in a path, or at an end. */
export function fieldNamed(name: string): RegExp {
  return new RegExp(
    `(?:^|["'\`([:.>]\\s?)${name}(?:["'\`)\\]:]|\\s(?:is|param)|[.\\[]|$)|param(?:eter)?:? ${name}\\b`,
    'i',
  );
}

/**
 * Whether a reply shows that the schema was not enforced: it is complete and no JSON. The beginning of an object shows
 * nothing: LiteLLM says "stop" where the connection to the server behind it has broken (litellm #40260).
 */
export function ignoredSchema({ text, ending, toolCalls }: ChatReply): boolean {
  if (ending?.kind === 'cut') return false;
  if ((toolCalls ?? []).length > 0) return true;
  return !isJson(text) && !endsInsideObject(text);
}

/** Whether a text is an object that is not closed, as far as JSON's own marks show it. */
function endsInsideObject(text: string): boolean {
  if (!/^\s*\{/.test(text)) return false;
  const outside = text.replaceAll(/"(?:[^"\\]|\\[^])*"/g, '');
  const count = (pattern: RegExp) => [...outside.matchAll(pattern)].length;
  return outside.includes('"') || count(/[{[]/g) > count(/[}\]]/g);
}
