/** KEY=VALUE files: .env and label files. */
import { readText } from './files.mjs';
import { Problems } from './tool.mjs';

/** Names of .env keys whose values are secrets. */
export const SECRET_NAME = /(PASSWORD|SECRET|TOKEN|SALT|_KEY)$/;

/** The entries of a KEY=VALUE file in order; a line that is none, or a key given twice, is refused with its line. */
export function readKeyValues(file, keyPattern = /^[A-Za-z_][A-Za-z0-9_]*$/) {
  const entries = new Map();
  const problems = [];
  readText(file)
    .split('\n')
    .forEach((line, index) => {
      if (line.trim() === '' || line.startsWith('#')) return;
      const at = line.indexOf('=');
      const key = line.slice(0, Math.max(at, 0));
      if (at < 1 || !keyPattern.test(key)) problems.push(`${file}:${index + 1}: is not KEY=VALUE`);
      else if (entries.has(key)) problems.push(`${file}:${index + 1}: ${key} is given twice`);
      else entries.set(key, line.slice(at + 1).trim());
    });
  if (problems.length > 0) throw new Problems(problems);
  return entries;
}

/** Traefik's labels as a label file holds them: traefik.http.routers.x.rule=… */
export function readLabels(file) {
  return readKeyValues(file, /^[a-z][A-Za-z0-9.\-_[\]]*$/);
}
