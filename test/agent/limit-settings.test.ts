import { limitKeys } from '../../src/agent/limit-settings.js';
import { defineAgent } from '../../src/index.js';

test('the keys of a definition are those of files', () => {
  expect(limitKeys(undefined)).toBeUndefined();
  expect(limitKeys({ wallSeconds: 5, memoryMb: 64, processes: 3, workspaceFiles: 10 })).toEqual({
    wall_seconds: 5,
    memory_mb: 64,
    processes: 3,
    workspace_files: 10,
  });
});

test('an agent of a program has the limits that it defines, and a wrong one is refused with its name', () => {
  const agent = { name: 'a', description: 'A.', prompt: 'Work.' };
  expect(defineAgent({ ...agent, limits: { memoryMb: 64 } }).limits).toMatchObject({ memory_mb: 64 });
  expect(() => defineAgent({ ...agent, limits: { memoryMb: 0 } })).toThrow(/limits/);
});
