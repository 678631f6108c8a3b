import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readKeyValues, SECRET_NAME } from './lib/env.mjs';
import { listFiles, modeOf, readText } from './lib/files.mjs';
import { listOf, readArguments, refuse, runTool } from './lib/tool.mjs';

const USAGE = `usage: node $TOOLBOX/secret-scan.mjs DIR --env .env --keys certs/ca.key,certs/server.key
       [--outside /keys/secrets.key]
No file below DIR but --env holds the value of one of its secrets, in whatever notation (plain, any case, base64,
hexadecimal, URL-encoded). Private keys are in the files of --keys only; those and --env have mode 600.
--outside: files outside DIR whose content must not be in DIR either. Values are never printed.`;

/**
 * Notations in which bytes might have been copied, compared in lower case and without white space: indexes fold case,
 * PEM wraps lines.
 */
function notationsOf(bytes) {
  // Inside longer base64 the bytes start at any of three bit positions; the first and last characters depend on the
  // neighbours.
  const base64 = [0, 1, 2].map((shift) =>
    Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .slice(shift === 0 ? 0 : shift + 1)
      .replace(/=+$/, '')
      .slice(0, -2),
  );
  return [bytes.toString('hex'), ...base64].map((text) => text.toLowerCase());
}

function textNotationsOf(secret) {
  return [
    ...new Set([secret.toLowerCase(), encodeURIComponent(secret).toLowerCase(), ...notationsOf(Buffer.from(secret))]),
  ];
}

/** The secret number of a private key; the rest of its file is public. */
function secretNumberOf(file) {
  return Buffer.from(createPrivateKey(readText(file)).export({ format: 'jwk' }).d, 'base64url');
}

function needlesOf({ env, keyFiles, outside }) {
  return [
    ...[...readKeyValues(env)]
      .filter(([key]) => SECRET_NAME.test(key))
      .map(([key, value]) => ({ what: `the value of ${key}`, home: env, notations: textNotationsOf(value) })),
    ...keyFiles.map((file) => ({
      what: `the private key of ${file}`,
      home: file,
      notations: notationsOf(secretNumberOf(file)),
    })),
    ...outside.map((file) => ({
      what: `the content of ${file}`,
      home: null,
      notations: textNotationsOf(readText(file).trim()),
    })),
  ];
}

/** A file's bytes as text; null when it vanished since the listing. */
function contentOf(file) {
  try {
    return readFileSync(file, 'latin1');
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}

function leaksIn(file, content, needles, allowedKeys) {
  const folded = content.replace(/\s+/g, '').toLowerCase();
  const leaks = needles
    .filter(({ home, notations }) => home !== file && notations.some((text) => folded.includes(text)))
    .map(({ what }) => `${file}: holds ${what}`);
  const strayKey = /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(content) && !allowedKeys.includes(file);
  return [...new Set(leaks), ...(strayKey ? [`${file}: holds a private key`] : [])];
}

await runTool(USAGE, (argv) => {
  const {
    options,
    positionals: [root],
  } = readArguments(
    argv,
    { env: 'string', keys: 'strings', outside: 'strings' },
    { positionals: [1, 1], required: ['env', 'keys'] },
  );
  const env = join(root, options.env);
  const keyFiles = listOf(options.keys).map((file) => join(root, file));
  const needles = needlesOf({ env, keyFiles, outside: listOf(options.outside) });
  const files = listFiles(root).map((name) => join(root, name));
  refuse([
    ...[env, ...keyFiles]
      .filter((file) => modeOf(file) !== '600')
      .map((file) => `${file}: has mode ${modeOf(file)}, must be 600`),
    ...files.flatMap((file) => {
      const content = contentOf(file);
      return content === null ? [] : leaksIn(file, content, needles, keyFiles);
    }),
  ]);
  return `${files.length} files, ${needles.length} secrets looked for: none stands outside its place`;
});
