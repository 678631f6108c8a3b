import { isJson } from '../domain/json-object.js';
import type { NativeCall } from '../ports/model.js';

/** One entry of `tool_calls` in a piece of a stream. */
export interface CallPiece {
  readonly id: string | null;
  readonly index: number | null;
  readonly name: string | null;
  /** Text as OpenAI sends it, or a decoded value. */
  readonly arguments: unknown;
}

interface Call {
  id: string | null;
  index: number | null;
  name: string;
  text: string;
  /** What was there before the last piece. */
  before: string;
  /** Arguments that arrived decoded, and so in one piece. */
  value: unknown;
}

/** Tool calls as a stream brings them, in pieces. */
export interface ToolCalls {
  add(piece: CallPiece): void;
  /** How many have begun. */
  count(): number;
  /** As received: nothing is completed. */
  all(): readonly NativeCall[];
}

/**
 * Puts the pieces together. OpenAI numbers them; servers with its API leave the index out (Gemini, mistral.rs, openai-
 * python #2806), leave the id out (Ollama, continue #13225), count on within one call (dirac #215) or use an index
 * twice (agno #8879). So: a known id belongs to its call; a new id begins one; then the index decides, then the name.
 */
export function createToolCalls(): ToolCalls {
  const calls: Call[] = [];
  const begin = ({ id, index }: CallPiece): Call => {
    const call: Call = { id, index, name: '', text: '', before: '', value: undefined };
    calls.push(call);
    return call;
  };
  const callOf = (piece: CallPiece): Call => {
    const last = calls.at(-1);
    const byId = piece.id === null ? undefined : calls.find((call) => call.id === piece.id);
    if (byId !== undefined) return byId;
    const byIndex = piece.index === null ? undefined : calls.findLast((call) => call.index === piece.index);
    if (piece.id !== null) return byIndex !== undefined && byIndex.id === null ? byIndex : begin(piece);
    if (byIndex !== undefined) return byIndex;
    const continues = piece.name === null || (last !== undefined && last.name === piece.name && last.text === '');
    return continues && last !== undefined ? last : begin(piece);
  };
  return {
    add(piece) {
      const call = callOf(piece);
      if (call.name === '') call.name = piece.name ?? '';
      call.id ??= piece.id;
      if (typeof piece.arguments === 'string') {
        call.before = call.text;
        call.text += piece.arguments;
      } else if (piece.arguments !== undefined && piece.arguments !== null) call.value = piece.arguments;
    },
    count: () => calls.filter(isSaid).length,
    all: () =>
      calls.filter(isSaid).map((call) => ({
        name: call.name,
        arguments: call.value !== undefined && call.text === '' ? call.value : textOf(call),
      })),
  };
}

/** LM Studio sends entries with an empty id and nothing else beside a text (lmstudio-bug-tracker #830). */
const isSaid = ({ name, text, value }: Call): boolean => name !== '' || text !== '' || value !== undefined;

/** vLLM sends the whole arguments again behind their beginning (vllm #42167, #39615). */
function textOf({ text, before }: Call): string {
  const last = text.slice(before.length);
  return before !== '' && last.startsWith(before) && !isJson(text) && isJson(last) ? last : text;
}
