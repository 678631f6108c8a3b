import { generateKeyPairSync } from 'node:crypto';
import { createSigner, RIGHTS, type Operator, type Signer } from '../../src/agent/signatures.js';

export interface TestOperator {
  readonly operator: Operator;
  readonly signer: Signer;
  /** PEM. */
  readonly privateKey: string;
  /** As the operators file has it. */
  readonly publicKey: string;
}

/** A person with a new key. */
export function testOperator(name: string, changes: Partial<Operator> = {}): TestOperator {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return {
    operator: { name, publicKey, untilMs: null, may: RIGHTS, fourEyes: false, ...changes },
    signer: createSigner(name, privateKey),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
  };
}
