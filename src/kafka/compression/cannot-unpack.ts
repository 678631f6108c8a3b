/** Compressed bytes that no reader of this build can unpack, or that are more than it takes. */
export class CannotUnpack extends Error {
  readonly code = 'cannot_unpack';
  readonly retriable = false;

  constructor(reason: string, options: { cause?: unknown } = {}) {
    super(reason, options);
    this.name = 'CannotUnpack';
  }
}

/** @param limitBytes the most that may be unpacked */
export function tooLarge(limitBytes: number): CannotUnpack {
  return new CannotUnpack(`it unpacks to more than ${limitBytes} bytes, which is the limit`);
}
