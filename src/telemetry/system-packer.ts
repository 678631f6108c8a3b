import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Packer } from '../ports/packer.js';

/** Fast rather than small: the instructions in a chunk are similar, and level 1 is enough to detect that. */
const LEVEL = 1;

/** Deflate; the result is outside the JavaScript heap. */
export function createSystemPacker(): Packer {
  return {
    // Copied, because zlib's result is a view of a larger buffer.
    pack: (text) => Uint8Array.from(deflateRawSync(text, { level: LEVEL })),
    unpack: (bytes) => inflateRawSync(bytes).toString('utf8'),
  };
}
