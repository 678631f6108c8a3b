/** What the ollama package and the adapters read of a response, without a web stream: those cost more than a reply. */
export interface LeanResponse {
  readonly status: number;
  readonly statusText: string;
  /** The headers, made when they are read. */
  headers(): Headers;
  /** Resolves with a part of the body; null: it has ended. */
  read(): Promise<Uint8Array | null>;
  /** Gives up the rest of the body. */
  cancel(): void;
}

/** As the type that fetch has. Everything else of a Response is missing. */
export function asResponse(lean: LeanResponse): Response {
  const { status, statusText } = lean;
  const reader = {
    async read() {
      const value = await lean.read();
      return value === null ? { done: true, value: undefined } : { done: false, value };
    },
    releaseLock: () => undefined,
    cancel: async () => lean.cancel(),
  };
  const text = async () => Buffer.concat(await partsOf(lean)).toString();
  const response = {
    ok: status >= 200 && status < 300,
    status,
    statusText,
    get headers() {
      return lean.headers();
    },
    body: { getReader: () => reader },
    text,
    json: async (): Promise<unknown> => JSON.parse(await text()),
  };
  return response as unknown as Response;
}

async function partsOf(lean: LeanResponse): Promise<Uint8Array[]> {
  const parts: Uint8Array[] = [];
  for (let part = await lean.read(); part !== null; part = await lean.read()) parts.push(part);
  return parts;
}
