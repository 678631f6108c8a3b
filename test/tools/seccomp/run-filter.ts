/** What a filter says of a call: allow, kill, or the errno that the call gets. */
export type Verdict = 'allow' | 'kill' | number;

const INSTRUCTION_BYTES = 8;

/** Runs an array of struct sock_filter as the kernel does (net/core/filter.c), for the instructions of our filters. */
export function runFilter(
  program: Buffer,
  architecture: number,
  number: number,
  args: readonly (number | bigint)[],
): Verdict {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number >>> 0, 0);
  data.writeUInt32LE(architecture >>> 0, 4);
  for (const [index, value] of args.entries()) data.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), 16 + 8 * index);
  let word = 0;
  for (let at = 0; at < program.length; at += INSTRUCTION_BYTES) {
    const code = program.readUInt16LE(at);
    const operand = program.readUInt32LE(at + 4);
    const jump = (condition: boolean) => {
      at += INSTRUCTION_BYTES * program.readUInt8(at + (condition ? 2 : 3));
    };
    if (code === 0x20) word = data.readUInt32LE(operand);
    else if (code === 0x54) word = (word & operand) >>> 0;
    else if (code === 0x15) jump(word === operand);
    else if (code === 0x25) jump(word > operand);
    else if (code === 0x45) jump((word & operand) !== 0);
    else if (code === 0x06) return verdictOf(operand);
    else throw new Error(`the filter has an instruction with the code ${code}`);
  }
  throw new Error('the filter ended without a verdict');
}

function verdictOf(value: number): Verdict {
  if (value === 0x7fff0000) return 'allow';
  if (value === 0x80000000) return 'kill';
  if (value >>> 16 === 5) return value & 0xffff;
  throw new Error(`the filter returned ${value}`);
}
