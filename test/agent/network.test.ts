import { readAgentFile } from '../../src/agent/agent-file.js';
import { ConfigError } from '../../src/agent/config-error.js';
import { MOST_NETWORK_HOSTS } from '../../src/domain/network.js';
import { defineAgent } from '../../src/swarm/define-agent.js';

const TOOLS = ['execute_terminal_command'];

const read = (...network: readonly string[]) =>
  readAgentFile(
    {
      text: [
        '---',
        'name: web_agent',
        'description: It works.',
        'phase: 1',
        'tools: [execute_terminal_command]',
        ...network,
        '---',
        'You do it.',
      ].join('\n'),
      digest: '',
    },
    'agents/web_agent.md',
    TOOLS,
  );

const problemsOf = (...network: readonly string[]) =>
  read(...network).problems.map(({ file, line, message, fix }) => `${file}:${line}: ${message}; ${fix}`);

describe('network in the front matter of an agent', () => {
  test('is nothing by default', () => {
    expect(read().spec?.network).toBeUndefined();
    expect(read('network: []').spec?.network).toBeUndefined();
  });

  test('is a list of host:port, in their usual form', () => {
    const network =
      'network: [Registry.NPMJS.org:443, 10.0.0.5:5432, "[2001:DB8:0:0::1]:443", localhost:8080, my_db:5432]';
    expect(read(network).spec?.network).toEqual([
      { host: 'registry.npmjs.org', port: 443, addresses: [] },
      { host: '10.0.0.5', port: 5432, addresses: [] },
      { host: '2001:db8::1', port: 443, addresses: [] },
      { host: 'localhost', port: 8080, addresses: [] },
      { host: 'my_db', port: 5432, addresses: [] },
    ]);
  });

  test('names the private addresses that a name may resolve to', () => {
    const { spec, problems } = read(
      'network:',
      '  - host: db.internal:5432',
      '    addresses: [10.0.0.0/8, 192.168.1.7, "fd00::/8"]',
    );
    expect(problems).toEqual([]);
    expect(spec?.network).toEqual([
      { host: 'db.internal', port: 5432, addresses: ['10.0.0.0/8', '192.168.1.7', 'fd00::/8'] },
    ]);
  });

  const at = 'agents/web_agent.md:6:';
  test.each([
    ['https://a.example/', 'is a URL; write the host and the port only, such as registry.npmjs.org:443'],
    ['a.example', 'has no port; write a.example:443, or another port'],
    ['[::1]', 'has no port; write [::1]:443, or another port'],
    ['a.example:0', 'has no such port; use a port from 1 to 65535'],
    ['a.example:65536', 'has no such port; use a port from 1 to 65535'],
    ['a.example:http', 'is not host:port; write a host and a port, such as registry.npmjs.org:443'],
    [
      '*.example:443',
      'is a pattern; name each host: with a pattern an agent could send data out in the names that it looks up',
    ],
    ['a@b.example:443', 'has a user; write the host and the port only (registry.npmjs.org:443)'],
    ['b.example/x:443', 'has a path; write the host and the port only (registry.npmjs.org:443)'],
    ['b.example.:443', 'ends in a dot; leave the dot out'],
    ['bücher.example:443', 'has characters that are not ASCII; write the name as DNS has it (xn--…)'],
    ['-b.example:443', 'has no valid host name; write a name or an address, such as registry.npmjs.org:443'],
    ['127.1:80', 'has an IPv4 address in an unusual form; write it as four decimal numbers'],
    ['0x7f000001:80', 'has an IPv4 address in an unusual form; write it as four decimal numbers'],
    ['2130706433:80', 'has an IPv4 address in an unusual form; write it as four decimal numbers'],
    ['0.0.0.0:80', 'is not the address of one host; name a host that can be connected to'],
    ['255.255.255.255:80', 'is not the address of one host; name a host that can be connected to'],
    ['::1:80', 'is an IPv6 address without brackets; write [::1:80]:PORT'],
    ['[fe80::1%eth0]:80', 'has a zone; write the address without %'],
    [
      '[fe80::1]:80',
      'has a link-local IPv6 address, which means nothing without the zone of one computer; ' +
        'name another address of the host, or its name',
    ],
    ['[::ffff:10.0.0.1]:80', 'has an IPv4 address inside an IPv6 address; write the IPv4 address'],
    ['[::]:80', 'is not the address of one host; name a host that can be connected to'],
    ['[x]:80', 'has no IPv6 address in the brackets; write [2001:db8::1]:443'],
  ])('refuses %s with its line and what to write', (entry, problem) => {
    expect(problemsOf(`network: ["${entry}"]`)).toEqual([`${at} "${entry}" ${problem}`]);
  });

  test('refuses the same host twice, in any form', () => {
    expect(problemsOf('network:', '  - a.example:443', '  - A.example:443')).toEqual([
      'agents/web_agent.md:8: the host "a.example:443" is named twice; name it once',
    ]);
  });

  test.each([
    ['addresses: [0.0.0.0/0]', '"0.0.0.0/0" is too large a range, or none; write /8 to /32'],
    ['addresses: [10.0.0.0/33]', '"10.0.0.0/33" is too large a range, or none; write /8 to /32'],
    ['addresses: ["::/0"]', '"::/0" is too large a range, or none; write /7 to /128'],
    ['addresses: [db2]', '"db2" is no address and no range; write an address, or a range such as 10.0.0.0/8'],
  ])('refuses %s of a host', (addresses, problem) => {
    expect(problemsOf('network:', '  - host: db:5432', `    ${addresses}`)).toEqual([
      `agents/web_agent.md:8: ${problem}`,
    ]);
  });

  test('refuses addresses of an address', () => {
    expect(problemsOf('network:', '  - host: 10.0.0.5:5432', '    addresses: [10.0.0.0/8]')).toEqual([
      'agents/web_agent.md:8: "10.0.0.5:5432" names its addresses itself; write "10.0.0.5:5432" without addresses',
    ]);
  });

  test('refuses what is no entry, and too many', () => {
    expect(problemsOf('network: [443]')).toEqual([expect.stringContaining(`${at} "network[0]": must be host:port`)]);
    expect(problemsOf('network: [{host: "a:1"}]')).toEqual([expect.stringContaining('must be host:port')]);
    const many = Array.from({ length: MOST_NETWORK_HOSTS + 1 }, (_, index) => `a${index}.example:443`);
    expect(problemsOf(`network: [${many.join(', ')}]`)).toEqual([
      expect.stringContaining(`"network": must have at most ${MOST_NETWORK_HOSTS} hosts`),
    ]);
  });

  test('is a key of defineAgent, and part of the digest', () => {
    const plain = { name: 'web_agent', description: 'It works.' };
    const agent = defineAgent({ ...plain, network: ['a.example:443'] });
    expect(agent.network).toEqual([{ host: 'a.example', port: 443, addresses: [] }]);
    expect(agent.digest).not.toBe(defineAgent(plain).digest);
    expect(agent.digest).not.toBe(defineAgent({ ...plain, network: ['a.example:80'] }).digest);
    expect(() => defineAgent({ ...plain, network: ['a.example'] })).toThrow(ConfigError);
  });
});
