import { z } from 'zod';
import { readYaml } from '../../src/agent/yaml-source.js';

const schema = z.strictObject({ server: z.strictObject({ port: z.int() }).nullable() });
const problemsOf = (text: string) => readYaml(text, 'x.yaml', schema).problems;

test('an unknown key of an object that may also be null is compared with the keys that it may have', () => {
  expect(problemsOf('server: null')).toEqual([]);
  expect(problemsOf('server:\n  port: 1\n  prot: 2\n')).toEqual([
    { file: 'x.yaml', line: 3, column: 3, message: 'unknown key "prot"', fix: 'did you mean "port"?' },
  ]);
});
