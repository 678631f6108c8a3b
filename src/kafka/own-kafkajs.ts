import { createRequire } from 'node:module';
import { nameRefusedCoordinators } from './refused-coordinator.js';
import { FETCH_API, readFetchAnswers } from './fetch-answer.js';
import { paceFetches } from './fetch-pace.js';
import { skipIdleQueueTimers } from './idle-request-queue.js';
import { commitNothingOutOfRange } from './out-of-range.js';
import { changeRequests } from './own-requests.js';
import { PRODUCE_API, writeProduceOnce } from './produce-request.js';
import { commitOnlyOnce } from './single-commit.js';
import { CREATE_TOPICS_API, keepWordsOfTopics } from './topic-refusal.js';
import { endFetchersOfStoppedConsumers, leaveWhereStoppedWhileStarting } from './stopped-runner.js';

/** The version that the patches were written for. */
const PATCHED_VERSION = '2.2.4';

/** The installed copy of kafkajs is not the one that the patches were written for. */
export class KafkajsVersionWrong extends Error {
  readonly code = 'kafkajs_version_wrong';
  readonly retriable = false;

  constructor(readonly found: string) {
    super(
      `ravenhelm-kafkajs must be kafkajs ${PATCHED_VERSION}, and ${found} is installed. ` +
        'Install the version that package.json pins: npm ci, or npm install ravenhelm again',
    );
    this.name = 'KafkajsVersionWrong';
  }
}

/**
 * Patches this package's own copy of kafkajs, once in the process. The copy is installed under its own name (an
 * npm alias, ravenhelm-kafkajs), so that the kafkajs of a program that embeds the swarm stays as it is.
 * @throws KafkajsVersionWrong before anything is changed
 */
export function patchOwnKafkajs(installed = installedVersion()): void {
  if (installed !== PATCHED_VERSION) throw new KafkajsVersionWrong(installed);
  endFetchersOfStoppedConsumers();
  leaveWhereStoppedWhileStarting();
  skipIdleQueueTimers();
  paceFetches();
  changeRequests(
    new Map([
      [PRODUCE_API, writeProduceOnce],
      [FETCH_API, readFetchAnswers],
      [CREATE_TOPICS_API, keepWordsOfTopics],
    ]),
  );
  commitOnlyOnce();
  commitNothingOutOfRange();
  nameRefusedCoordinators();
}

function installedVersion(): string {
  const manifest: unknown = createRequire(import.meta.url)('ravenhelm-kafkajs/package.json');
  const version = typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : null;
  return typeof version === 'string' ? version : 'an unknown version';
}
