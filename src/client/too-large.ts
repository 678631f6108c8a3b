/** What is said of a mission that is larger than the log takes: its plan travels in one record (docs/scaling.md). */
import type { RecordTooLarge } from '../ports/log.js';

/** Such as "9000 bytes and swarm.coordination takes 8000". */
export const sizesText = (topic: string, size: RecordTooLarge['size']): string =>
  size === null ? `more bytes than ${topic} takes` : `${size.bytes} bytes and ${topic} takes ${size.limitBytes}`;

export const raiseText = (topic: string): string =>
  `raise max.message.bytes of ${topic} (topics.yaml for a new topic, kafka-configs.sh for one that exists).`;
