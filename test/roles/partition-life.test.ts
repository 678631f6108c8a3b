import { OPEN, stepPartitionLife, type LifeInput, type PartitionLife } from '../../src/roles/shared/partition-life.js';

const claim = (owner: string): LifeInput => ({ kind: 'claim', owner });
const read = (owner: string, offset = 7, nowMs = 1_000): LifeInput => ({ kind: 'claim_read', owner, offset, nowMs });
const REVOKED: LifeInput = { kind: 'revoked' };

const claimed = (losses = 0, owner = 'me/1'): PartitionLife => ({ phase: 'claimed', losses, owner });
const held = (losses = 0, sinceMs = 1_000): PartitionLife => ({
  phase: 'held',
  losses,
  held: { owner: 'me/1', claimOffset: 7 },
  sinceMs,
});
const lost = (losses: number): PartitionLife => ({ phase: 'lost', losses });
const CLOSED: PartitionLife = { phase: 'closed' };

const append = (owner: string) => ({ kind: 'append_claim', owner });
const hold = { kind: 'hold', held: { owner: 'me/1', claimOffset: 7 } };
const lose = { kind: 'lose', how: 'lost' };
const release = { kind: 'lose', how: 'released' };
const again = (limitMs: number) => ({ kind: 'claim_again', limitMs });

describe('the life of a partition', () => {
  test.each<[given: string, life: PartitionLife, input: LifeInput, then: PartitionLife, actions: readonly object[]]>([
    ['an open one is claimed by an append', OPEN, claim('me/1'), claimed(), [append('me/1')]],
    ['an open one is not held by a claim that another process wrote', OPEN, read('other/1'), OPEN, []],
    ['a claimed one is held once its claim was read back', claimed(2), read('me/1'), held(2), [hold]],
    ['a claimed one waits while claims of others are read', claimed(), read('other/1'), claimed(), []],
    ['a claimed one is not held by an earlier owner id of the same process', claimed(), read('me/0'), claimed(), []],
    ['a claimed one is not claimed twice', claimed(), claim('me/2'), claimed(), []],
    ['a held one keeps its first offset when its claim is read twice', held(), read('me/1', 9), held(), []],
    ['a held one is not claimed again', held(), claim('me/2'), held(), []],
    ['a held one is lost at the claim of another', held(), read('other/1'), lost(1), [lose, again(600)]],
    ['the wait doubles with every loss in a row', held(1), read('other/1'), lost(2), [lose, again(1_200)]],
    ['the wait has a limit', held(9), read('other/1'), lost(10), [lose, again(10_000)]],
    ['30 s undisturbed are a new start', held(9), read('other/1', 8, 31_000), lost(1), [lose, again(600)]],
    ['29 s are not', held(1), read('other/1', 8, 30_999), lost(2), [lose, again(1_200)]],
    ['a lost one is claimed under a new owner id', lost(3), claim('me/2'), claimed(3, 'me/2'), [append('me/2')]],
    ['a lost one is not held by its lost owner id, read again', lost(1), read('me/1'), lost(1), []],
    ['an open one is revoked', OPEN, REVOKED, CLOSED, []],
    ['a claimed one is revoked', claimed(), REVOKED, CLOSED, []],
    ['a held one is released when it is revoked, and not claimed again', held(), REVOKED, CLOSED, [release]],
    ['a lost one is revoked', lost(1), REVOKED, CLOSED, []],
    ['a closed one is never claimed', CLOSED, claim('me/2'), CLOSED, []],
    ['a closed one is never held', CLOSED, read('me/1'), CLOSED, []],
    ['a closed one is lost only once', CLOSED, REVOKED, CLOSED, []],
  ])('%s', (_, life, input, then, actions) => {
    expect(stepPartitionLife(life, input)).toEqual({ life: then, actions });
  });
});
