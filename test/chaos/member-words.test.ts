import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { listenToMember } from './member-words.js';

const APART = '{"level":"error","reason":"gelöscht","event":"partition.set_apart"}';
const SERVING = '{"level":"info","event":"role.serving"}';
const TEXT = Buffer.from(
  `${SERVING}\n{"event":"partition.set_apart_ended"}\n${APART}\n{"event":"partition.blocked"}\n${APART}\n`,
);

/** What is heard of the text in pieces of so many bytes. */
async function heard(bytes: number): Promise<{ readonly serving: number; readonly apart: readonly string[] }> {
  const stderr = new PassThrough();
  const apart: string[] = [];
  let serving = 0;
  listenToMember(stderr, { serving: () => (serving += 1), setApart: (line) => apart.push(line) });
  for (let from = 0; from < TEXT.length; from += bytes) stderr.write(TEXT.subarray(from, from + bytes));
  stderr.end();
  await once(stderr, 'close');
  return { serving, apart };
}

describe('what a process says on stderr', () => {
  test.each([1, 2, 7, 60, 1_000])('is read by lines, however the pipe cuts it (%i bytes)', async (bytes) => {
    expect(await heard(bytes)).toEqual({ serving: 1, apart: [APART, APART] });
  });
});
