/** Compresses text that is kept in memory until it is needed. The same process restores it. */
export interface Packer {
  pack(text: string): Uint8Array;
  unpack(bytes: Uint8Array): string;
}
