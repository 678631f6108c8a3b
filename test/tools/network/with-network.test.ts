import { jest } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NO_PROVISIONS } from '../../../src/tools/provisions.js';
import { CallRefused } from '../../../src/tools/errors.js';
import { withNetwork } from '../../../src/tools/network/with-network.js';
import { clock, removeTemporaryDirectories, temporaryDirectory } from '../harness.js';
import { localhost } from './support.js';

afterAll(removeTemporaryDirectories);

test('a call is refused where the /etc of its network cannot be written', async () => {
  const base = temporaryDirectory();
  const file = join(base, 'file');
  writeFileSync(file, '');
  const sandbox = {
    ok: true,
    mode: 'user',
    version: '0.8.0',
    disableUserNamespaces: true,
    limitsTmpfs: true,
  } as const;
  const place = {
    ...{ base, workspace: base, holdsState: false, run: base, outputs: base },
    ...{ etcDir: join(file, 'state', 'account'), keys: null, account: null, seccomp: null, permissions: {} },
  };
  const runtime = {
    sandbox,
    clock,
    workspaceRoot: base,
    toolboxDir: null,
    extraBinds: [],
    provisions: NO_PROVISIONS,
    places: {
      of: () => Promise.reject(new Error('not asked')),
      check: () => Promise.reject(new Error('not asked')),
      bases: () => [],
    },
  };
  const network = { hosts: [localhost(1)], onConnection: () => undefined };
  const ran = jest.fn<() => Promise<void>>();
  const calling = withNetwork(runtime, place, network, ran);
  await expect(calling).rejects.toThrow(CallRefused);
  await expect(calling).rejects.toThrow('the network of the call cannot be made: ');
  expect(ran).not.toHaveBeenCalled();
});
