// node checks/report.mjs REPORT.md FIXED.yaml FINDINGS.json...: the report has a line "compose.yaml:LINE RULE …" for
// each finding, in the order of the file, and no other; FIXED.yaml is compose.yaml with these lines corrected.
import { readFileSync } from 'node:fs';

const [reportFile, fixedFile, ...files] = process.argv.slice(2);
const findings = files
  .flatMap((file) => JSON.parse(readFileSync(file, 'utf8')))
  .sort((one, other) => one.line - other.line);
const remedies = new Map(findings.map(({ line, instead }) => [line, instead]));
const wanted = findings.map(({ line, rule }) => `compose.yaml:${line} ${rule}`);
const reported = readFileSync(reportFile, 'utf8').match(/compose\.yaml:\d+ [\w-]+/g) ?? [];
const fixed = readFileSync('compose.yaml', 'utf8')
  .split('\n')
  .flatMap((old, index) =>
    remedies.has(index + 1) ? [remedies.get(index + 1)].filter((line) => line !== null) : [old],
  );

const problems = [
  ...wanted.filter((line) => !reported.includes(line)).map((line) => `${reportFile} lacks: ${line}`),
  ...reported.filter((line) => !wanted.includes(line)).map((line) => `${reportFile} has what was not found: ${line}`),
];
if (problems.length === 0 && reported.join() !== wanted.join())
  problems.push(`${reportFile}: not in the order of lines`);
if (readFileSync(fixedFile, 'utf8').trimEnd() !== fixed.join('\n').trimEnd())
  problems.push(`${fixedFile} is not compose.yaml with the findings corrected`);
for (const problem of problems) console.error(`FAILED ${problem}`);
process.exitCode = problems.length === 0 ? 0 : 1;
