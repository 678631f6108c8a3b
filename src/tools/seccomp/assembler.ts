/**
 * A line of a classic BPF program for seccomp. Jumps go forward to labels; without one they go to the next line.
 * load: a 32-bit word of struct seccomp_data, at a byte offset. and: keeps the bits of a mask. jump: compares the
 * loaded word. return: ends with a value of SECCOMP_RET_*.
 */
export type Line =
  | { readonly label: string }
  | { readonly load: number }
  | { readonly and: number }
  | {
      readonly jump: keyof typeof COMPARISONS;
      readonly value: number;
      readonly ifTrue?: string;
      readonly ifFalse?: string;
    }
  | { readonly return: number };

// Sources: linux/bpf_common.h and linux/filter.h.
const LOAD_WORD = 0x20;
const AND = 0x54;
const RETURN = 0x06;
const COMPARISONS = { equal: 0x15, above: 0x25, anyBit: 0x45 } as const;
const INSTRUCTION_BYTES = 8;

/**
 * Assembles lines to an array of struct sock_filter: per instruction 8 bytes, little-endian: code (2), jump if true
 * (1), jump if false (1), operand (4). Throws for a label that is missing, behind, or more than 255 instructions ahead.
 */
export function assemble(lines: readonly Line[]): Buffer {
  const labels = new Map<string, number>();
  const instructions: Exclude<Line, { label: string }>[] = [];
  for (const line of lines) {
    if ('label' in line) labels.set(line.label, instructions.length);
    else instructions.push(line);
  }
  const program = Buffer.alloc(instructions.length * INSTRUCTION_BYTES);
  const distance = (label: string | undefined, from: number): number => {
    if (label === undefined) return 0;
    const ahead = (labels.get(label) ?? -1) - from - 1;
    if (ahead < 0 || ahead > 255) throw new RangeError(`the jump at ${from} cannot reach the label ${label}`);
    return ahead;
  };
  for (const [index, line] of instructions.entries()) {
    const at = index * INSTRUCTION_BYTES;
    const [code, operand] = encoded(line);
    program.writeUInt16LE(code, at);
    if ('jump' in line) {
      program.writeUInt8(distance(line.ifTrue, index), at + 2);
      program.writeUInt8(distance(line.ifFalse, index), at + 3);
    }
    program.writeUInt32LE(operand, at + 4);
  }
  return program;
}

function encoded(line: Exclude<Line, { label: string }>): readonly [code: number, operand: number] {
  if ('load' in line) return [LOAD_WORD, line.load];
  if ('and' in line) return [AND, line.and];
  if ('jump' in line) return [COMPARISONS[line.jump], line.value];
  return [RETURN, line.return];
}
