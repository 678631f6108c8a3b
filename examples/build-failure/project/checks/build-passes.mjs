// node checks/build-passes.mjs [DIAGNOSIS.json]: the build passes in a copy of the project; with a diagnosis, the
// line that it names is as it says.
import { readFileSync } from 'node:fs';
import { build, fail, inCopy } from './lib.mjs';

const [diagnosisFile] = process.argv.slice(2);
if (diagnosisFile !== undefined) {
  const { file, line, instead } = JSON.parse(readFileSync(diagnosisFile, 'utf8'));
  const now = readFileSync(file, 'utf8').split('\n')[line - 1];
  if (now !== instead) fail(`${file}:${line} is "${now}", but the diagnosis says "${instead}"`);
}
const { passed, lines } = inCopy(build);
if (!passed) fail(`the build fails:\n${lines.join('\n')}`);
console.log(lines.at(-1));
