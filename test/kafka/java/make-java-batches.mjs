/**
 * Writes fixtures/java-batches.json again, with the Java client that `npm run setup` has fetched; needs a JDK.
 * Run: node test/kafka/java/make-java-batches.mjs
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const classPath = `${at('../../../.ravenhelm/jars/kafka')}/*`;
const batches = execFileSync('java', ['-cp', classPath, at('RecordedBatches.java')], { maxBuffer: 64 * 1024 * 1024 });
writeFileSync(at('../fixtures/java-batches.json'), batches);
