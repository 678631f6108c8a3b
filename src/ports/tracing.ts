import type { Span } from '../domain/spans.js';

/** Where spans go. */
export interface Tracing {
  /** Whether what people and models wrote is sent, too. */
  readonly content: boolean;
  /**
   * Hands over a span that has ended, to be sent later. It never throws and never waits.
   * @param settled called once, when it was sent, given up (the server is away) or is not to be sent; it may be called
   * at once
   */
  send(span: Span, settled: () => void): void;
  /** Sends what is left, then closes. Never rejects. */
  close(): Promise<void>;
}
