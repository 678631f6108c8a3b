import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describeExample } from './support/describe-example.js';
import { commandOf, createUser } from './support/example.js';
import { finish, list, read, run, write } from './support/scripted-model.js';

const renew = (chain: string) => `umask 077; mkdir -p renewed
openssl ecparam -name prime256v1 -genkey -noout -out renewed/server.key
openssl req -new -config certs/server.cnf -key renewed/server.key -out /tmp/r.csr
openssl x509 -req -in /tmp/r.csr -CA certs/intermediate.crt \\
  -CAkey certs/intermediate.key -set_serial 0x1234567890abcdef \\
  -days 365 -extfile certs/server.cnf -extensions server -out renewed/server.crt
cat ${chain} > renewed/chain.pem`;
const renewed = [
  list('certs'),
  run('openssl x509 -in certs/server.crt -noout -enddate -ext subjectAltName'),
  read('certs/server.cnf'),
  // First without the intermediate certificate, as people forget it; the failed check says so.
  run(renew('renewed/server.crt')),
  finish('The certificate is renewed.'),
  run('cat renewed/server.crt certs/intermediate.crt > renewed/chain.pem'),
  finish('The chain has both certificates now.'),
];

describeExample('certificate-renewal', {
  withoutModel: true,
  tasks: 2,
  makes: ['renewed/server.key', 'renewed/server.crt', 'renewed/chain.pem', 'renewed/HANDOVER.md'],
  right: {
    renewal_agent: renewed,
    handover_agent: [
      run('openssl x509 -in renewed/server.crt -noout -serial -fingerprint -sha256 -enddate -ext subjectAltName'),
      run(`read_field() { openssl x509 -in renewed/server.crt -noout "$1" "$2" | cut -d= -f2; }
printf 'serial: %s\\nsha256: %s\\nexpires: %s\\nnames: shop.internal, api.shop.internal\\n' \\
  "$(read_field -serial -sha256)" "$(read_field -fingerprint -sha256)" \\
  "$(date -u -d "$(read_field -enddate -sha256)" +%F)" > renewed/HANDOVER.md`),
      finish('The note is written.'),
    ],
  },
  wrong: {
    'a model that signs the certificate with its own key': {
      script: {
        renewal_agent: [
          run(`umask 077; mkdir -p renewed
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \\
  -config certs/server.cnf -extensions server -keyout renewed/server.key -days 365 -out renewed/server.crt
cp renewed/server.crt renewed/chain.pem`),
          finish('The certificate is renewed, and the chain was verified.'),
        ],
      },
      found: 'the chain leads to the root',
    },
    'a model that replaces the CA': {
      script: {
        renewal_agent: [
          run(`umask 077; mkdir -p renewed
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \\
  -config certs/server.cnf -extensions server -keyout renewed/server.key -days 365 -out renewed/server.crt
cp renewed/server.crt renewed/chain.pem; cp renewed/server.crt certs/root.crt`),
          finish('The certificate is renewed, and the chain was verified.'),
        ],
      },
      found: 'certs/root.crt',
    },
    'a model that writes the note from memory': {
      script: {
        renewal_agent: renewed,
        handover_agent: [
          write('renewed/HANDOVER.md', 'serial: 01\nsha256: AA\nexpires: 2027-01-01\nnames: shop.internal\n'),
          finish('The note is written.'),
        ],
      },
      found: 'the note agrees with the certificate',
    },
  },
});

test('an input on the command line says how long the certificate is valid, also of a later run', async () => {
  const user = await createUser();
  const validDays = () => {
    const file = join(user.copy(), 'renewed/server.crt');
    const dates = execFileSync('openssl', ['x509', '-in', file, '-noout', '-dates'], { encoding: 'utf8' });
    const [from = 0, until = 0] = dates
      .trim()
      .split('\n')
      .map((line) => Date.parse(line.replace(/^[^=]*=/, '')));
    return (until - from) / 86_400_000;
  };
  try {
    const command = commandOf('certificate-renewal');
    const run = (days: number, typed: string) => user.shell(`${typed} --models playbook --set days=${days}`);
    const first = await run(200, command);
    expect([first.code, first.stdout]).toEqual([0, expect.stringContaining('inputs: days=200')]);
    expect(validDays()).toBe(200);
    const again = await run(100, command.replace(/^dir=.*&&/, `dir=${user.copy()};`));
    expect([again.code, again.stdout]).toEqual([0, expect.stringContaining('inputs: days=100')]);
    expect(validDays()).toBe(100);
  } finally {
    await user.remove();
  }
}, 240_000);
