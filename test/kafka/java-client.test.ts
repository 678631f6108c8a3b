/** The Java client itself, where setup has fetched it and there is a JDK: batches that are too large to keep. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Found } from '../../src/kafka/batches/found.js';
import { createReadingBudget, READING_LIMITS } from '../../src/kafka/batches/reading-budget.js';
import { decodeRecordSet } from '../../src/kafka/batches/record-set.js';
import { digestOf, parseJavaBatches } from './java-batches.js';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const jars = at('../../.ravenhelm/jars/kafka');
const missing = existsSync(jars) ? (hasJdk() ? null : 'there is no JDK') : 'npm run setup has not fetched it';

function hasJdk(): boolean {
  try {
    return execFileSync('java', ['--list-modules'], { encoding: 'utf8' }).includes('jdk.compiler');
  } catch {
    return false; // no java at all
  }
}

const describeWithJava = missing === null ? describe : describe.skip;

describeWithJava(`large batches of the Java client${missing === null ? '' : ` [not run: ${missing}]`}`, () => {
  test('are read as it reads them, in each codec', () => {
    const printed = execFileSync('java', ['-cp', `${jars}/*`, at('java/RecordedBatches.java'), 'large'], {
      encoding: 'utf8',
      maxBuffer: 128 * 1024 * 1024,
    });
    const batches = parseJavaBatches(printed);
    expect(batches).toHaveLength(10);
    for (const { name, bytes, count, sha256 } of batches) {
      const found: readonly Found[] = decodeRecordSet(
        { bytes, from: 0, aborted: [] },
        createReadingBudget(READING_LIMITS),
      );
      const records = found.flatMap((each) => (each.kind === 'records' ? each.records : []));
      expect([name, records.length, digestOf(records)]).toEqual([name, count, sha256]);
    }
  });
});
