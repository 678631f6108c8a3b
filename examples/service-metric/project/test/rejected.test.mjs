// Ticket STOCK-88: these tests describe the metric, and fail until it is there.
import assert from 'node:assert/strict';
import test from 'node:test';
import { withService } from './service.mjs';

const samplesOf = (text) => text.split('\n').filter((line) => line.startsWith('stock_rejected_total'));

test('rejected requests are counted by reason', () =>
  withService(async ({ take, metrics }) => {
    await take('nut', 3);
    await take('nut', 5);
    await take('screw', 1);
    await take('bolt', 0);
    assert.deepEqual(samplesOf(await metrics()).sort(), [
      'stock_rejected_total{reason="bad_count"} 1',
      'stock_rejected_total{reason="out_of_stock"} 2',
      'stock_rejected_total{reason="unknown_item"} 1',
    ]);
  }));

test('the metric is described, as a counter', () =>
  withService(async ({ metrics }) => {
    const text = await metrics();
    assert.match(text, /^# HELP stock_rejected_total \S.*$/m);
    assert.match(text, /^# TYPE stock_rejected_total counter$/m);
  }));

test('what is taken, and a path that is none, are not rejected', () =>
  withService(async ({ take, metrics }) => {
    await take('bolt', 1);
    await take('', 1);
    assert.deepEqual(samplesOf(await metrics()), []);
  }));

test('a reason that did not occur has no sample', () =>
  withService(async ({ take, metrics }) => {
    await take('nut', 3);
    assert.deepEqual(samplesOf(await metrics()), ['stock_rejected_total{reason="out_of_stock"} 1']);
  }));
