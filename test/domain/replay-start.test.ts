import { DataLoss } from '../../src/domain/record.js';
import { replayStart } from '../../src/domain/replay-start.js';

const place = { topic: 'ravenhelm.squad.tasks.cert_agent', partition: 2 };
const metadata = '{"v":1,"h":null,"m":{}}';

describe('where a fold starts', () => {
  test('at the beginning of a whole log when nothing was committed', () => {
    expect(replayStart({ ...place, committed: null, logStart: 0, logEnd: 9 })).toEqual({ offset: 0, metadata: null });
  });

  test('at the beginning of a whole log where another program has committed that beginning', () => {
    const committed = { offset: 0, metadata: '' };
    for (const logEnd of [0, 9])
      expect(replayStart({ ...place, committed, logStart: 0, logEnd })).toEqual({ offset: 0, metadata: null });
  });

  test('at the replay point, with its metadata', () => {
    expect(replayStart({ ...place, committed: { offset: 5, metadata }, logStart: 3, logEnd: 9 })).toEqual({
      offset: 5,
      metadata,
    });
  });

  test.each([[3], [9]])('also where the replay point is an end of the log (%d of 3 to 9)', (offset) => {
    expect(replayStart({ ...place, committed: { offset, metadata }, logStart: 3, logEnd: 9 }).offset).toBe(offset);
  });
});

describe('what stops a fold as data loss', () => {
  test.each([
    [
      'nothing is committed and the log was cut',
      { committed: null, logStart: 1, logEnd: 9 },
      /nothing is committed, but the log starts at offset 1/,
    ],
    [
      'records above the replay point were deleted',
      { committed: { offset: 5, metadata }, logStart: 6, logEnd: 9 },
      /the replay point 5 lies outside the log \(6 to 9\)/,
    ],
    [
      'the log is shorter than what was folded',
      { committed: { offset: 10, metadata }, logStart: 0, logEnd: 9 },
      /the replay point 10 lies outside the log \(0 to 9\)/,
    ],
    [
      'a client has reset the offset',
      { committed: { offset: -2, metadata: '' }, logStart: 0, logEnd: 9 },
      /the committed offset -2 has no fold state/,
    ],
    [
      'another program committed without metadata',
      { committed: { offset: 5, metadata: '' }, logStart: 0, logEnd: 9 },
      /the committed offset 5 has no fold state/,
    ],
    [
      'another program committed the beginning of a log that was cut: what was folded of the rest is unknown',
      { committed: { offset: 3, metadata: '' }, logStart: 3, logEnd: 9 },
      /the committed offset 3 has no fold state/,
    ],
    [
      'a negative offset carries metadata',
      { committed: { offset: -1, metadata }, logStart: 0, logEnd: 9 },
      /the committed offset -1/,
    ],
  ])('%s', (_, situation, message) => {
    const start = () => replayStart({ ...place, ...situation });
    expect(start).toThrow(DataLoss);
    expect(start).toThrow(message);
    expect(start).toThrow('ravenhelm.squad.tasks.cert_agent/2');
  });
});
