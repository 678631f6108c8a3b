import { createPrivateKey, X509Certificate } from 'node:crypto';
import { modeOf, readText } from './lib/files.mjs';
import { listOf, Problems, readArguments, refuse, runTool, UsageError, wholeNumber } from './lib/tool.mjs';

const USAGE = `usage: node $TOOLBOX/certs.mjs chain --ca CA.crt --cert SERVER.crt
       node $TOOLBOX/certs.mjs names --cert SERVER.crt --names a.example,b.example
       node $TOOLBOX/certs.mjs keys CERT:KEY...
       node $TOOLBOX/certs.mjs validity CERT... --days N
chain     the CA is a CA and its key signed both; the server certificate is none and serves TLS
names     the DNS names of the certificate are exactly these
keys      each private key belongs to its certificate and has mode 600
validity  each certificate is valid now and for at least N more days`;

const DAY_MS = 86_400_000;
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';

function readCertificate(file) {
  try {
    return new X509Certificate(readText(file));
  } catch (error) {
    if (error.code?.startsWith('ERR_OSSL') || error.library)
      throw new Problems([`${file}: is not a certificate in PEM: ${error.message}`]);
    throw error;
  }
}

function readKey(file) {
  try {
    return createPrivateKey(readText(file));
  } catch (error) {
    if (error.code?.startsWith('ERR_OSSL') || error.library)
      throw new Problems([`${file}: is not a private key in PEM: ${error.message}`]);
    throw error;
  }
}

function chain(argv) {
  const { options } = readArguments(argv, { ca: 'string', cert: 'string' }, { required: ['ca', 'cert'] });
  const ca = readCertificate(options.ca);
  const cert = readCertificate(options.cert);
  const problems = [];
  if (!ca.ca) problems.push(`${options.ca}: is not a CA (basicConstraints)`);
  if (!ca.verify(ca.publicKey)) problems.push(`${options.ca}: is not signed by its own key`);
  if (cert.ca) problems.push(`${options.cert}: is a CA itself`);
  if (!cert.checkIssued(ca) || !cert.verify(ca.publicKey))
    problems.push(`${options.cert}: was not issued by ${options.ca}`);
  if (!(cert.keyUsage ?? []).includes(SERVER_AUTH))
    problems.push(`${options.cert}: is not for TLS servers (extendedKeyUsage serverAuth)`);
  refuse(problems);
  return `${options.cert} was issued by ${options.ca} (${ca.subject.replaceAll('\n', ', ')})`;
}

function names(argv) {
  const { options } = readArguments(argv, { cert: 'string', names: 'strings' }, { required: ['cert', 'names'] });
  const wanted = listOf(options.names);
  const found = (readCertificate(options.cert).subjectAltName ?? '')
    .split(', ')
    .filter((name) => name.startsWith('DNS:'))
    .map((name) => name.slice(4));
  refuse([
    ...wanted.filter((name) => !found.includes(name)).map((name) => `${options.cert}: lacks the name ${name}`),
    ...found
      .filter((name) => !wanted.includes(name))
      .map((name) => `${options.cert}: has the name ${name}, which was not asked for`),
  ]);
  return `${options.cert} serves ${wanted.join(', ')}`;
}

function keys(argv) {
  const { positionals } = readArguments(argv, {}, { positionals: [1, Infinity] });
  refuse(
    positionals.flatMap((pair) => {
      const [cert, key] = pair.split(':');
      if (!cert || !key) throw new UsageError(`"${pair}" is not CERT:KEY`);
      const matches = readCertificate(cert).checkPrivateKey(readKey(key));
      const mode = modeOf(key);
      return [
        ...(matches ? [] : [`${key}: is not the key of ${cert}`]),
        ...(mode === '600' ? [] : [`${key}: has mode ${mode}, must be 600`]),
      ];
    }),
  );
  return `${positionals.length} key(s) belong to their certificates, mode 600`;
}

function validity(argv) {
  const { options, positionals } = readArguments(
    argv,
    { days: 'string' },
    { positionals: [1, Infinity], required: ['days'] },
  );
  const days = wholeNumber('days', options.days, 0);
  const now = Date.now();
  refuse(
    positionals.flatMap((file) => {
      const { validFrom, validTo } = readCertificate(file);
      if (Date.parse(validFrom) > now) return [`${file}: is not valid before ${validFrom}`];
      if (Date.parse(validTo) < now) return [`${file}: expired on ${validTo}`];
      return Date.parse(validTo) < now + days * DAY_MS
        ? [`${file}: expires on ${validTo}, in less than ${days} days`]
        : [];
    }),
  );
  return `${positionals.length} certificate(s) valid for at least ${days} more days`;
}

const COMMANDS = { chain, names, keys, validity };

await runTool(USAGE, ([command, ...rest]) => {
  const run = COMMANDS[command];
  if (run === undefined) throw new UsageError(`unknown command: ${command ?? '(none)'}`);
  return run(rest);
});
