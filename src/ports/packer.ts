/** Makes text small while it only waits. What was packed is unpacked by the same process. */
export interface Packer {
  pack(text: string): Uint8Array;
  unpack(bytes: Uint8Array): string;
}
