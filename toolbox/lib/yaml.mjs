/** Reading YAML. Apart from files.mjs, because loading the parser takes longer than most programs here run. */
import { LineCounter, parseAllDocuments } from 'yaml';
import { readText } from './files.mjs';
import { Problems } from './tool.mjs';

/** The documents of a YAML file (JSON is YAML): one value for a single document, duplicate keys refused. */
export function readYaml(file) {
  const lineCounter = new LineCounter();
  const documents = parseAllDocuments(readText(file), {
    lineCounter,
    uniqueKeys: true,
    merge: true,
    prettyErrors: false,
  });
  if (documents.length === 0) throw new Problems([`${file}: is empty`]);
  const problems = documents
    .flatMap((document) => [...document.errors, ...document.warnings])
    .map((error) => {
      const { line, col } = lineCounter.linePos(error.pos[0]);
      return `${file}:${line}:${col}: ${error.message.split('\n')[0]}`;
    });
  if (problems.length > 0) throw new Problems(problems);
  const values = documents.map((document) => document.toJS());
  return values.length === 1 ? values[0] : values;
}
