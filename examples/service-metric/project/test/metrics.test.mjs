import assert from 'node:assert/strict';
import test from 'node:test';
import { withService } from './service.mjs';

/** The samples of a metric: its lines without comments. */
const samplesOf = (text, name) => text.split('\n').filter((line) => line.startsWith(name));

test('requests are counted by method and status', () =>
  withService(async ({ take, metrics }) => {
    await take('bolt', 1);
    await take('bolt', 1);
    await take('screw', 1);
    assert.deepEqual(samplesOf(await metrics(), 'http_requests_total'), [
      'http_requests_total{method="POST",status="200"} 2',
      'http_requests_total{method="POST",status="404"} 1',
    ]);
  }));
