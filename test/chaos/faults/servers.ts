/** The registry and the model server. */
import type { Fault } from '../fault.js';

const registry: Fault = {
  name: 'registry-stopped',
  what: 'the schema registry is stopped',
  recovery: 'it starts again',
  takes: 'registry',
  async strike({ cluster, site, random }) {
    await cluster.registry.stop();
    await site.pause(random.between(4_000, 10_000));
    await cluster.registry.start();
  },
};

const modelStopped: Fault = {
  name: 'model-stopped',
  what: 'the model server is stopped',
  recovery: 'it starts again',
  takes: 'models',
  async strike({ models, site, random }) {
    models.stop();
    try {
      await site.pause(random.between(4_000, 10_000));
    } finally {
      models.start();
    }
  },
};

const misbehaving = (name: string, how: 'hung' | 'limited', what: string): Fault => ({
  name,
  what,
  recovery: 'it answers again',
  takes: 'models',
  async strike({ models, site, random }) {
    models.behave(how);
    try {
      await site.pause(random.between(6_000, 12_000));
    } finally {
      models.behave('good');
    }
  },
});

export const SERVER_FAULTS: readonly Fault[] = [
  registry,
  modelStopped,
  misbehaving('model-hung', 'hung', 'the model server takes requests and says nothing'),
  misbehaving('model-limited', 'limited', 'the model server answers 429 with retry-after'),
];
