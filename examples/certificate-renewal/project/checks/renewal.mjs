// node checks/renewal.mjs OLD.crt NEW.crt DAYS: NEW replaces OLD, for the same names, with another key and serial
// number, and is valid for DAYS days.
import { readFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';

const [before, after] = process.argv.slice(2, 4).map((file) => new X509Certificate(readFileSync(file)));
const days = Number(process.argv[4]);
const validDays = (Date.parse(after.validTo) - Date.parse(after.validFrom)) / 86_400_000;
const namesOf = (certificate) => (certificate.subjectAltName ?? '').split(', ').sort().join(', ');
const keyOf = (certificate) => certificate.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');

const problems = [
  namesOf(after) !== namesOf(before) && `names: ${namesOf(after)}, but ${namesOf(before)} before`,
  after.subject !== before.subject && `subject: ${after.subject}, but ${before.subject} before`,
  after.issuer !== before.issuer && `issuer: ${after.issuer}, but ${before.issuer} before`,
  after.serialNumber === before.serialNumber && 'the serial number is the old one',
  keyOf(after) === keyOf(before) && 'the key is the old one: a renewal makes a new one',
  validDays !== days && `it is valid for ${validDays} days, not for ${days}`,
  Date.parse(after.validTo) - Date.now() > 397 * 86_400_000 &&
    `it is valid until ${after.validTo}: longer than 397 days`,
].filter(Boolean);
for (const problem of problems) console.error(`FAILED ${problem}`);
if (problems.length === 0) console.log(`renewed: ${namesOf(after)} until ${after.validTo}`);
process.exitCode = problems.length === 0 ? 0 : 1;
