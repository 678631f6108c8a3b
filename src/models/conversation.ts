import type { ChatMessage, ChatRequest, MessageCall, ReplyForm, SentMessage } from '../ports/model.js';

/** A message as an API with its own tool calls takes it. */
export type Part =
  | { readonly kind: 'text'; readonly role: ChatMessage['role']; readonly text: string }
  /** text: the call as a message says it. */
  | { readonly kind: 'call'; readonly call: MessageCall; readonly text: string }
  | { readonly kind: 'result'; readonly call: MessageCall; readonly text: string };

/**
 * The conversation for one form. Tool calls appear in the API's own form only if they were asked for so, and only in
 * pairs: the APIs refuse a call without its result and a result without its call. Everything else is text, which every
 * message is complete as.
 */
export function conversation(request: ChatRequest, form: ReplyForm): readonly Part[] {
  const { messages } = withNote(request, form);
  if (form !== 'native') return messages.map(asText);
  const parts: Part[] = [];
  let open: MessageCall | null = null;
  messages.forEach((message, index) => {
    const next = messages[index + 1];
    if (open !== null) {
      parts.push({ kind: 'result', call: open, text: message.content });
      open = null;
    } else if (message.call !== undefined && next?.role === 'user' && next.answers === message.call.id) {
      open = message.call;
      parts.push({ kind: 'call', call: open, text: message.content });
    } else {
      parts.push(asText(message));
    }
  });
  return parts;
}

/** The parts as text, for the record of what was sent. */
export function sentMessages(parts: readonly Part[]): readonly SentMessage[] {
  return parts.map((part) => ({ role: roleOf(part), content: part.text }));
}

function roleOf(part: Part): SentMessage['role'] {
  if (part.kind === 'text') return part.role;
  return part.kind === 'call' ? 'assistant' : 'user';
}

const asText = ({ role, content }: ChatMessage): Part => ({ kind: 'text', role, text: content });

/** What the model must know of the form that the prompt, which is the same for all of them, does not say. */
function withNote(request: ChatRequest, form: ReplyForm): Pick<ChatRequest, 'messages'> {
  const note = noteOf(request, form);
  if (note === null) return request;
  const [first, ...rest] = request.messages;
  if (first?.role === 'system') return { messages: [{ ...first, content: `${first.content}\n\n${note}` }, ...rest] };
  return { messages: [{ role: 'system', content: note }, ...request.messages] };
}

const NATIVE_NOTE =
  'In this conversation you call tools through the API, one call in each reply, instead of writing JSON in the text.';

function noteOf(request: ChatRequest, form: ReplyForm): string | null {
  switch (form) {
    case 'json_schema':
      return null;
    case 'native':
      return NATIVE_NOTE;
    case 'json_object':
    case 'plain':
      return (
        'Reply with one JSON object and nothing else: no text around it, no code fence. ' +
        `It must match this JSON Schema: ${JSON.stringify(request.schema)}`
      );
  }
}

/** The parts with the system text in front of the first user message, for models whose template has no system role. */
export function withoutSystem(parts: readonly Part[]): readonly Part[] {
  const system = parts.flatMap((part) => (part.kind === 'text' && part.role === 'system' ? [part.text] : []));
  const rest = parts.filter((part) => part.kind !== 'text' || part.role !== 'system');
  return merged([{ kind: 'text', role: 'user', text: system.join('\n\n') }, ...rest]);
}

/** The parts with neighbouring texts of one role put together, for templates in which user and assistant alternate. */
export function merged(parts: readonly Part[]): readonly Part[] {
  const result: Part[] = [];
  for (const part of parts) {
    const last = result.at(-1);
    if (part.kind === 'text' && last?.kind === 'text' && last.role === part.role)
      result[result.length - 1] = { ...last, text: `${last.text}\n\n${part.text}` };
    else result.push(part);
  }
  return result;
}
