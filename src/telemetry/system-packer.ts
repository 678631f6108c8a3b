import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Packer } from '../ports/packer.js';

/** Fast rather than small: instructions of one chunk are much alike, and level 1 finds that. */
const LEVEL = 1;

/** Deflate, in bytes outside of the JavaScript heap. */
export function createSystemPacker(): Packer {
  return {
    pack: (text) => Uint8Array.from(deflateRawSync(text, { level: LEVEL })), // a copy: zlib's own lies in a larger buffer
    unpack: (bytes) => inflateRawSync(bytes).toString('utf8'),
  };
}
