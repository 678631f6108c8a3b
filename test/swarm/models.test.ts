import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CatalogError } from '../../src/models/catalog.js';
import { noMetrics } from '../../src/ports/metrics.js';
import { openModels } from '../../src/swarm/models.js';
import { createSystemClock } from '../../src/telemetry/system-clock.js';

describe('a models.yaml that cannot be used', () => {
  let directory = '';
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ravenhelm-models-'));
    await writeFile(join(directory, 'models.yaml'), 'as_of: [\n');
  });
  afterAll(() => rm(directory, { recursive: true }));

  const open = (workerModels: readonly string[], plannerModels: readonly string[]) =>
    openModels({
      catalogFile: join(directory, 'models.yaml'),
      clock: createSystemClock(),
      random: Math.random,
      metrics: noMetrics,
      ollamaHost: null,
      anthropicKey: 'key',
      openaiKey: null,
      anthropicBaseUrl: null,
      openaiBaseUrl: null,
      workerModels,
      plannerModels,
      signal: new AbortController().signal,
    });

  test('keeps no swarm of playbooks from starting', async () => {
    const models = await open(['playbook'], []);
    expect(models.workerChain(null).map(({ name }) => name)).toEqual(['playbook']);
  });

  test('is an error as soon as a worker, a planner or an agent names a model', async () => {
    await expect(open(['anthropic'], [])).rejects.toThrow(CatalogError);
    await expect(open(['playbook'], ['anthropic'])).rejects.toThrow(/^models\.yaml:\d+:\d+: /);
    const models = await open(['playbook'], []);
    expect(() => models.workerChain(['anthropic'])).toThrow(CatalogError);
  });
});
