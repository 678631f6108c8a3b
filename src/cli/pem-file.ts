import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { wrongConfiguration } from './cli-error.js';

/** The settings that name files in PEM format, as the configuration has them. */
export interface PemFiles {
  readonly KAFKA_TLS_CA: string | null;
  readonly KAFKA_TLS_CERT: string | null;
  readonly KAFKA_TLS_KEY: string | null;
}

type Setting = keyof PemFiles;

const CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]+-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;
const ENCRYPTED = /-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED/;

/** The files' contents, read and parsed here: else TLS fails later, with OpenSSL's words. Throws CliError (exit 2). */
export async function readPemFiles(files: PemFiles) {
  const [ca, cert, key] = await Promise.all([
    read('KAFKA_TLS_CA', files.KAFKA_TLS_CA),
    read('KAFKA_TLS_CERT', files.KAFKA_TLS_CERT),
    read('KAFKA_TLS_KEY', files.KAFKA_TLS_KEY),
  ]);
  if (ca !== null) certificateIn('KAFKA_TLS_CA', ca);
  const own = cert === null ? null : certificateIn('KAFKA_TLS_CERT', cert);
  const ownKey = key === null ? null : keyIn(key);
  if (own !== null && ownKey !== null && key !== null && !own.checkPrivateKey(ownKey))
    throw wrongConfiguration(
      `KAFKA_TLS_KEY is ${key.path}, which is not the key of the certificate in ${cert?.path ?? 'KAFKA_TLS_CERT'}`,
      'Correct KAFKA_TLS_KEY or KAFKA_TLS_CERT: the two belong together.',
    );
  return {
    ...(ca === null ? {} : { ca: ca.text }),
    ...(cert === null ? {} : { cert: cert.text }),
    ...(key === null ? {} : { key: key.text }),
  };
}

interface PemFile {
  readonly path: string;
  readonly text: string;
}

async function read(name: Setting, path: string | null): Promise<PemFile | null> {
  if (path === null) return null;
  try {
    return { path, text: await readFile(path, 'utf8') };
  } catch (error) {
    throw wrongConfiguration(
      `${name} is ${path}, which cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      `Correct ${name}.`,
      error,
    );
  }
}

/** The first certificate of the file; every one in it must be one. */
function certificateIn(name: Setting, { path, text }: PemFile): X509Certificate {
  try {
    const [first] = (text.match(CERTIFICATE) ?? []).map((block) => new X509Certificate(block));
    if (first !== undefined) return first;
  } catch (error) {
    throw notPem(name, path, 'certificate', error);
  }
  throw notPem(name, path, 'certificate');
}

function keyIn({ path, text }: PemFile): KeyObject {
  if (ENCRYPTED.test(text))
    throw wrongConfiguration(
      `KAFKA_TLS_KEY is ${path}, which is encrypted; there is no setting for its passphrase`,
      `Write it without one, and set KAFKA_TLS_KEY to that file: openssl pkey -in ${path} -out FILE`,
    );
  try {
    return createPrivateKey(text);
  } catch (error) {
    throw notPem('KAFKA_TLS_KEY', path, 'private key', error);
  }
}

function notPem(name: Setting, path: string, what: 'certificate' | 'private key', cause?: unknown) {
  const [inform, begins] = what === 'certificate' ? ['x509', 'CERTIFICATE'] : ['pkey', 'PRIVATE KEY'];
  return wrongConfiguration(
    `${name} is ${path}, which holds no ${what} in PEM format`,
    `It has a line -----BEGIN ${begins}-----. A file in DER format is converted by: openssl ${inform} -inform der ` +
      `-in ${path} -out FILE`,
    cause,
  );
}
