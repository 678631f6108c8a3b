/** Kafka's answers on a connection: a length of four bytes, then as many bytes. */

/** What came in is no Kafka protocol: another server, TLS on one side only, or a connection that went wrong. */
export class FrameInvalid extends Error {
  readonly code = 'frame_invalid';
  readonly retriable = true;

  constructor(size: number) {
    super(
      `the broker sent a frame of ${size} bytes, which is no Kafka answer; if this stays, ` +
        "compare KAFKA_BROKERS and KAFKA_TLS with the broker's listener",
    );
    this.name = 'FrameInvalid';
  }
}

const SIZE_BYTES = 4;
/** Far above what a fetch may bring, below what "HTTP" (1.2 GB) and a TLS alert (352 MB) are when read as a length. */
const MAX_FRAME_BYTES = 256 * 1024 * 1024;

/**
 * Collects the chunks of one connection and delivers each frame when it is whole, with its length. Throws FrameInvalid
 * when a length cannot be one; nothing is to be read from the connection after that.
 */
export function wholeFrames(deliver: (frame: Buffer) => void): (chunk: Buffer) => void {
  let chunks: Buffer[] = [];
  let buffered = 0;
  let needed = SIZE_BYTES;

  return (chunk) => {
    chunks.push(chunk);
    buffered += chunk.length;
    // Joined only when there is something to deliver: a large answer comes in thousands of chunks.
    while (buffered >= needed) {
      const bytes = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
      const size = bytes.readInt32BE(0);
      if (size < 0 || size > MAX_FRAME_BYTES) throw new FrameInvalid(size);
      const end = SIZE_BYTES + size;
      if (bytes.length < end) {
        chunks = [bytes];
        needed = end;
        return;
      }
      chunks = bytes.length === end ? [] : [bytes.subarray(end)];
      buffered = bytes.length - end;
      needed = SIZE_BYTES;
      deliver(bytes.subarray(0, end));
    }
  };
}
