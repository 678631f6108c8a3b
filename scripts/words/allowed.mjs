/**
 * True uses of a listed word: { file, text, reason }. `text` is part of the line. An entry that matches nothing is an
 * error, so that the list does not outlive its reasons.
 */
const OLD_TEXT = 'what a version before printed, so that a reader finds it';

export const ALLOWED = [
  { file: 'CHANGELOG.md', text: '`also going on with N earlier mission(s): …`', reason: OLD_TEXT },
  { file: 'CHANGELOG.md', text: '`passed over: REASON`', reason: OLD_TEXT },
  { file: 'CHANGELOG.md', text: '`The swarm goes on serving. Ctrl-C ends it.`', reason: OLD_TEXT },
  {
    file: 'CHANGELOG.md',
    text: '`mission ID has not ended; the next swarm on this log goes on with it.`',
    reason: OLD_TEXT,
  },
  { file: 'CHANGELOG.md', text: '`TOPIC/PARTITION stands still at offset N: …`', reason: OLD_TEXT },
];
