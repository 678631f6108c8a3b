// node checks/experiment.mjs DIAGNOSIS.json LOG: proves the cause by an experiment in a copy of the project. The
// build fails there as it did on the build server; with the one line changed that the diagnosis names, it passes.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, fail, inCopy } from './lib.mjs';

const [diagnosisFile, logFile] = process.argv.slice(2);
const { file, line, instead } = JSON.parse(readFileSync(diagnosisFile, 'utf8'));
if (!/^(config|src)\/[\w.-]+$/.test(file))
  fail(`${file}: the cause lies in config/ or src/, not in the build or its tests`);
if (typeof instead !== 'string' || instead.includes('\n')) fail('instead: one line');

inCopy((dir) => {
  const before = build(dir);
  const log = readFileSync(logFile, 'utf8');
  const other = before.lines.find((printed) => !log.includes(printed));
  if (before.passed || other !== undefined) fail(`the build does not fail here as it did: ${other ?? 'it passed'}`);

  const lines = readFileSync(join(dir, file), 'utf8').split('\n');
  if (lines[line - 1] === undefined) fail(`${file} has no line ${line}`);
  lines[line - 1] = instead;
  writeFileSync(join(dir, file), lines.join('\n'));
  const after = build(dir);
  if (!after.passed) fail(`with ${file}:${line} changed the build still fails:\n${after.lines.join('\n')}`);
});
console.log(`with ${file}:${line} changed the build passes`);
