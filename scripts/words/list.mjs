/**
 * Words that `npm run check` refuses, each with what to write instead. They are literal translations, archaic or
 * vague about who acts. A space in a pattern also matches a line break inside a comment or a joined string.
 */
export const WORDS = [
  ['nobody|no-one|no one', 'name the subject: "no process", "no worker", "unread", "unclaimed"'],
  ['somebody|anybody', 'name the subject: "another process", "another member", "a person"'],
  ['whoever|whomever|whosoever', 'name the subject: "the caller", "the next holder", "any process that"'],
  ['(go|goes|going|went|gone) on', '"continue", "resume", "keep running"'],
  ['anew', '"again", "restart", "recreate", "reconnect", "reassign"'],
  [
    '(stand|stands|stood|standing) ' +
      '(in|for|at|beside|behind|before|below|between|elsewhere|once|still|there|under|where)',
    '"is in", "is recorded in", "replaces", "means"; for a process "is paused"',
  ],
  [
    '(is|are|was|were|be|been|being|gets|get|has|have|had) told',
    '"learns", "receives", "is reported", or say who reports it',
  ],
  ['told of|tell of|tells of|telling of', '"report", "say", "name"'],
  ['mend|mends|mended|mending', '"fix", "correct", "repair"'],
  ['heal|heals|healed|healing', '"recover", "fix", "resolve"'],
  ["of (its|their|his|her|our|your|one's|my) own", '"its own X", "a separate X", "a dedicated X"'],
  ['(of|by) its own accord', '"by itself", "without a request"'],
  ['in the same breath', '"at the same time", "in the same request", "immediately"'],
  ['with effect', '"effective from", or leave it out'],
  ['awake|asleep', '"running", "detects faults", "idle"'],
  ['for ever', '"forever", "indefinitely", "without end"'],
  ['passed over|pass over|passes over|passing over', '"skipped", "skip"'],
  ['taken away|take away|takes away|took away', '"revoked", "removed", "lost"'],
  ['(can|could|to|be) be had|is to be had', '"is available"'],
  ['in vain', '"without success", "to no effect"'],
  ['once more', '"again"'],
  ['let go of|lets go of|letting go of', '"release"'],
  ['sought', '"looked up", "awaited"'],
  ['(is|are|was|were|not) begun', '"starts", "has started", "is not started"'],
  ['come of it|comes of it|come of them|(become|becomes|became|becoming) of', '"result", "what happens to it"'],
  ['spoken to', '"used", "connected to"'],
  ['be it|be they', '"also", "whether … or …"'],
  ['a fault of (this program|ravenhelm)', '"an internal error"'],
  ['stillborn|lest|whence|thence|hitherto|thereby|thereof|whereby|wherein|hereby|whilst', 'a common word'],
];
