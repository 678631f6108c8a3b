const KIB = 1024;

/** The topics' setting of how large a record may be, as brokers name it. */
export const RECORD_SIZE = 'max.message.bytes';

/** What a topic takes in one record where its max.message.bytes is not set, or cannot be read: the brokers' default. */
export const RECORD_BYTES = 1_048_576;

/**
 * What fits into a record. An assignment travels in one record of the agent's topic, which takes RECORD_BYTES. It
 * carries the brief, the task, its checks, results of earlier tasks and what went wrong before; each has its share
 * here, and the shares add up to less than a record: 256 + 16 + 64 + 128 + 128 + 64 + 16 + 256 + 2·32 KiB = 992 KiB,
 * which leaves 32 KiB for ids, origins of untrusted content and the envelope. A call has 640 + 128 + 96 KiB (content,
 * baseline, prompt), which leaves 160 KiB for its thought, rejected replies and their reasons.
 */
export const SIZES = {
  /** A mission's name and an agent's, in characters. An agent's is part of topics (249 characters at most) and ids. */
  name: 100,
  missionName: 200,
  /** The others in bytes of UTF-8. */
  brief: 256 * KIB,
  /** Names, values and descriptions of all inputs of a mission. */
  missionInputs: 16 * KIB,
  /** So many of them. */
  inputsCount: 100,
  description: 64 * KIB,
  /** Names and commands of all checks of a task, or of a mission, or of a playbook. */
  checks: 128 * KIB,
  /** So many of them: each has a result in its step's outcome. */
  checksCount: 100,
  /** Of a check's name, in characters, where a call says what the policy decided about it. */
  checkName: 60,
  /** A path that a task protects or changes, or a pattern of its artifacts. */
  path: 1_000,
  /** All of them together: an assignment has all these lists. */
  paths: 64 * KIB,
  /** Paths of the artifacts that a task's result lists, beside its summary and outputs. */
  artifactPaths: 128 * KIB,
  /** What the other tasks of a wave write, as an assignment has it; more paths become their directory. */
  beside: 16 * KIB,
  /** One command. Linux takes 128 KiB as one argument; the tools take this much. */
  command: 100_000,
  /** Summaries and outputs of the tasks that a task depends on; longer ones are cut. */
  inputs: 256 * KIB,
  /** The last failure of a task, and what a person answered, each; longer failures are cut. */
  feedback: 32 * KIB,
  answer: 32 * KIB,
  /** Which content is untrusted, for each of its origins. */
  origin: 300,
  /** What one call writes to a file, in bytes of JSON. A call is one record, with what is added to it on the way. */
  content: 640 * KIB,
  /** The texts of a prompt that the journal does not have yet, in bytes of JSON; longer ones are not recorded. */
  prompt: 96 * KIB,
  /** What an agent's file adds to that, in bytes of JSON: its prompt, and the names of what its calls may use. */
  agentTexts: 64 * KIB,
  /** What was there before a task's first step, as its record has it: results of checks, digests of protected files. */
  baseline: 128 * KIB,
  /** What a check printed, as its step's outcome has it, in bytes of JSON: head and tail; of all checks together. */
  passedCheckOutput: 512,
  failedCheckOutput: 4 * KIB,
  checkOutputs: 64 * KIB,
} as const;

/** Bytes of the text in UTF-8. */
export function byteLength(text: string): number {
  let bytes = 0;
  for (const character of text) bytes += bytesOf(character.codePointAt(0) ?? 0);
  return bytes;
}

/** Whether the text has at most so many bytes in UTF-8. A short text is not counted. */
export function fitsBytes(text: string, most: number): boolean {
  return text.length * 3 <= most || byteLength(text) <= most;
}

function bytesOf(codePoint: number): number {
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint < 0x1_00_00 ? 3 : 4;
}

/** The text with its end cut off where it has more bytes; a note says so. */
export function cutToBytes(text: string, most: number): string {
  if (fitsBytes(text, most)) return text;
  const note = ' … (cut)';
  let left = most - byteLength(note);
  let kept = 0;
  for (const character of text) {
    left -= bytesOf(character.codePointAt(0) ?? 0);
    if (left < 0) break;
    kept += character.length;
  }
  return `${text.slice(0, kept)}${note}`;
}
