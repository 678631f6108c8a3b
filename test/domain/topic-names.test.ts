import { createTopicNames } from '../../src/domain/topic-names.js';

describe('topic names', () => {
  test('the default prefix gives the names that users know', () => {
    const names = createTopicNames();
    expect(names.coordination).toBe('ravenhelm.squad.coordination');
    expect(names.tasks('cert_agent')).toBe('ravenhelm.squad.tasks.cert_agent');
    expect(names.workerGroup('cert_agent')).toBe('worker-cert_agent');
    expect(names.orchestratorGroup).toBe('orchestrator');
  });

  test('another prefix separates topics and groups on the same cluster', () => {
    const names = createTopicNames('acme');
    expect(names.status).toBe('acme.status');
    expect(names.workerGroup('cert_agent')).toBe('acme.worker-cert_agent');
  });
});
