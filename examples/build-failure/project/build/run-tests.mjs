import { readdirSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/** Runs every test of a directory; resolves to the number of failures. A test throws when it fails. */
export async function runTests(dir, table, say) {
  let failures = 0;
  for (const file of readdirSync(dir).sort()) {
    const tests = await import(pathToFileURL(`${process.cwd()}/${dir}/${file}`).href);
    for (const [name, test] of Object.entries(tests)) {
      try {
        test(table);
        say(`ok   ${file} ${name}`);
      } catch (error) {
        failures += 1;
        say(`FAIL ${file} ${name}: ${error.message.split('\n')[0]}`);
      }
    }
  }
  return failures;
}
