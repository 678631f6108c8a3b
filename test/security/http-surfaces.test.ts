/** Every socket that the program listens on. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { readPage } from '../docs/support/markdown.js';

/** Files of src that listen: each is named in docs/security.md, section HTTP. */
function listening(): readonly string[] {
  return readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter(
      (file) => file.endsWith('.ts') && /\.listen\(|\bcreateServer\(/.test(readFileSync(join('src', file), 'utf8')),
    )
    .toSorted();
}

test('the program listens at the places that docs/security.md names, and no others', () => {
  const [, section = ''] = readPage('docs/security.md').split('\n## HTTP\n');
  const named = [...(section.split('\n## ')[0] ?? '').matchAll(/\(\.\.\/src\/([\w/-]+\.ts)\)/g)].map(
    ([, file]) => file,
  );
  expect(named.toSorted()).toEqual([...listening(), 'local/kafka-broker.ts', 'local/registry-server.ts'].toSorted());
});

test('the services of the local stack listen on loopback addresses', () => {
  expect(readFileSync('src/local/registry-server.ts', 'utf8')).toContain("'-Dquarkus.http.host=127.0.0.1'");
  const broker = readFileSync('src/local/kafka-broker.ts', 'utf8');
  const hosts = [...broker.matchAll(/(?:PLAINTEXT|INTERNAL|CONTROLLER):\/\/([^:`]+):/g)].map(([, host]) => host);
  expect(hosts.length).toBeGreaterThan(2);
  expect(new Set(hosts)).toEqual(new Set(['localhost']));
  const compose = z
    .object({ services: z.record(z.string(), z.object({ ports: z.array(z.string()).default([]) })) })
    .parse(parse(readFileSync('docker-compose.redpanda.yml', 'utf8'), { merge: true }));
  const ports = Object.values(compose.services).flatMap((service) => service.ports);
  expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
});
