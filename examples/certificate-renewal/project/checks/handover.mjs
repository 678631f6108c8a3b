// node checks/handover.mjs NOTE CERTIFICATE: the note has the certificate's serial number, SHA-256 fingerprint, last
// day and names, as lines "serial: …", "sha256: …", "expires: YYYY-MM-DD" and "names: …".
import { readFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';

const [note, file] = process.argv.slice(2);
const text = readFileSync(note, 'utf8');
const certificate = new X509Certificate(readFileSync(file));
const wanted = {
  serial: certificate.serialNumber,
  sha256: certificate.fingerprint256,
  expires: new Date(certificate.validTo).toISOString().slice(0, 10),
  names: (certificate.subjectAltName ?? '').replaceAll('DNS:', ''),
};
for (const [key, value] of Object.entries(wanted)) {
  const written = new RegExp(`^${key}: *(.*?) *$`, 'm').exec(text)?.[1];
  if (written === value) continue;
  console.error(`FAILED ${note}: ${key}: ${written ?? '(missing)'}, but the certificate says ${value}`);
  process.exitCode = 1;
}
