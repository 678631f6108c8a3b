// node checks/evidence.mjs DIAGNOSIS.json LOG: the line of the log that the diagnosis names has the words that it
// quotes, and it names the file in which the diagnosis sees the cause.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fail } from './lib.mjs';

const [diagnosisFile, logFile] = process.argv.slice(2);
const { log_line: number, quote, file, explanation } = JSON.parse(readFileSync(diagnosisFile, 'utf8'));
const line = readFileSync(logFile, 'utf8').split('\n')[number - 1];

if (line === undefined) fail(`${logFile} has no line ${number}`);
if (typeof quote !== 'string' || quote.trim().length < 10) fail('quote: at least ten characters of the line');
if (!line.includes(quote)) fail(`line ${number} of ${logFile} is not "${quote}" but "${line}"`);
if (!line.includes(basename(file))) fail(`line ${number} of ${logFile} does not name ${basename(file)}`);
if (typeof explanation !== 'string' || explanation.trim() === '') fail('explanation: missing');
console.log(`line ${number}: ${line}`);
