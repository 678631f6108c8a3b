import assert from 'node:assert/strict';
import test from 'node:test';
import { withService } from './service.mjs';

test('goods that are there can be taken', () =>
  withService(async ({ take }) => {
    const response = await take('bolt', 3);
    assert.equal(response.status, 200);
    assert.equal(await response.text(), '7 left\n');
  }));

test('more than there is cannot be taken, and nothing is lost', () =>
  withService(async ({ take }) => {
    assert.equal((await take('nut', 3)).status, 409);
    assert.equal((await take('nut', 2)).status, 200);
  }));

test('an unknown item and a wrong count are refused', () =>
  withService(async ({ take }) => {
    assert.equal((await take('screw', 1)).status, 404);
    assert.equal((await take('bolt', 0)).status, 400);
    assert.equal((await take('bolt', 'x')).status, 400);
  }));
