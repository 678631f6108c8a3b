// node checks/findings.mjs consistency|exposure FINDINGS.json: proves a list of findings about compose.yaml by
// experiments in a temporary file. With all lines corrected as proposed, the linter of this kind has no complaint: no
// finding is missing. With any one of them left out, it has: no finding is made up.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LINTERS } from './lint.mjs';

/** Rules whose remedy is to remove the line; all others correct it. */
const REMOVES = new Set(['docker-socket', 'unused-volume']);

const [kind, findingsFile] = process.argv.slice(2);
const lines = readFileSync('compose.yaml', 'utf8').split('\n');
const findings = JSON.parse(readFileSync(findingsFile, 'utf8'));
const dir = mkdtempSync(join(tmpdir(), 'audit-'));

/** What the linter says of compose.yaml with these findings corrected. */
function problemsWith(corrected) {
  const remedies = new Map(corrected.map(({ line, instead }) => [line, instead]));
  const text = lines.flatMap((old, index) => {
    const remedy = remedies.has(index + 1) ? remedies.get(index + 1) : old;
    return remedy === null ? [] : [remedy];
  });
  writeFileSync(join(dir, 'compose.yaml'), text.join('\n'));
  return LINTERS[kind](join(dir, 'compose.yaml'));
}

function formProblem({ line, rule, quote, instead, why }) {
  const old = lines[line - 1];
  if (old === undefined || old.trim() !== quote?.trim()) return `line ${line} is not "${quote}" but "${old?.trim()}"`;
  if (instead === null ? !REMOVES.has(rule) : typeof instead !== 'string' || instead.includes('\n'))
    return `line ${line}: instead: one line; null, which removes it, only for ${[...REMOVES].join(' and ')}`;
  return typeof why === 'string' && why.trim() !== '' ? null : `line ${line}: why: missing`;
}

try {
  const problems = findings.map(formProblem).filter((problem) => problem !== null);
  if (problems.length === 0) problems.push(...problemsWith(findings).map((problem) => `not found: ${problem}`));
  if (problems.length === 0)
    for (const finding of findings) {
      const others = findings.filter((other) => other !== finding);
      if (problemsWith(others).length === 0) problems.push(`line ${finding.line}: needs no correction`);
    }
  for (const problem of problems) console.error(`FAILED ${problem}`);
  if (problems.length === 0) console.log(`${findings.length} findings, each proven`);
  process.exitCode = problems.length === 0 ? 0 : 1;
} finally {
  rmSync(dir, { recursive: true });
}
