/** Real servers on 127.0.0.1, with certificates of a test's own authority. */
import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryDirectory } from '../harness.js';

const run = promisify(execFile);
const closing: (() => unknown)[] = [];

export async function closeServers(): Promise<void> {
  for (const close of closing.splice(0).reverse()) await close();
}

export interface Certificates {
  /** PEM of the authority, which clients must trust. */
  readonly authority: string;
  readonly key: Buffer;
  readonly certificate: Buffer;
}

/** For servers with these names. */
export function makeCertificates(names: readonly string[]): Certificates {
  const directory = temporaryDirectory();
  const at = (name: string) => join(directory, name);
  const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...ec, '-keyout', at('ca.key'), '-out', at('ca.pem'), '-days', '2', '-subj', '/CN=Test CA');
  openssl('req', ...ec, '-keyout', at('key'), '-out', at('request'), '-subj', `/CN=${names[0]}`);
  writeFileSync(at('extensions'), `subjectAltName=${names.map((name) => `DNS:${name}`).join(',')}\n`);
  const signing = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '2'];
  openssl('x509', '-req', '-in', at('request'), ...signing, '-extfile', at('extensions'), '-out', at('certificate'));
  return {
    authority: readFileSync(at('ca.pem'), 'utf8'),
    key: readFileSync(at('key')),
    certificate: readFileSync(at('certificate')),
  };
}

/** Resolves with its port. */
export async function listenHttps({ key, certificate }: Certificates, listener: RequestListener): Promise<number> {
  const server = createHttpsServer({ key, cert: certificate }, listener);
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return listening(server);
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  server.close();
  await once(server, 'close');
  return port;
}

/** Git's own server program behind HTTP, with one repository, repo.git, that takes pushes. */
export function gitServer(): RequestListener {
  const directory = temporaryDirectory();
  const git = (...args: readonly string[]) => execFileSync('git', args, { cwd: directory, stdio: 'pipe' });
  git('init', '-q', '--bare', '-b', 'main', 'repo.git');
  git('-C', 'repo.git', 'config', 'http.receivepack', 'true');
  git('clone', '-q', 'repo.git', 'first');
  writeFileSync(join(directory, 'first', 'README'), 'hello from git\n');
  git('-C', 'first', 'checkout', '-q', '-b', 'main');
  git('-C', 'first', 'add', '.');
  git('-C', 'first', '-c', 'user.name=t', '-c', 'user.email=t@example', 'commit', '-qm', 'first');
  git('-C', 'first', 'push', '-q', 'origin', 'main');
  const program = join(execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim(), 'git-http-backend');
  return (request, response) => runCgi(program, directory, request, response);
}

/** RFC 3875: the request in variables and standard input, the answer on standard output. */
function runCgi(program: string, root: string, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'https://git.test');
  const variables = {
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: '1',
    PATH_INFO: url.pathname,
    QUERY_STRING: url.search.slice(1),
    REQUEST_METHOD: request.method ?? 'GET',
    CONTENT_TYPE: request.headers['content-type'] ?? '',
    CONTENT_LENGTH: request.headers['content-length'] ?? '',
    HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
    GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
    PATH: process.env['PATH'] ?? '',
  };
  const child = spawn(program, { env: variables, stdio: ['pipe', 'pipe', 'inherit'] });
  request.pipe(child.stdin);
  child.stdin.on('error', () => undefined); // it has read enough
  const parts: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => parts.push(part));
  child.stdout.on('end', () => {
    const answer = Buffer.concat(parts);
    const end = answer.indexOf('\r\n\r\n');
    const headers = new Map(
      answer
        .subarray(0, end)
        .toString()
        .split('\r\n')
        .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
    );
    response.statusCode = Number((headers.get('Status') ?? '200').slice(0, 3));
    headers.delete('Status');
    for (const [name, value] of headers) response.setHeader(name, value);
    response.end(answer.subarray(end + 4));
  });
}

/** An npm registry with one package, demo-dep 1.2.3. */
export function npmRegistry(): RequestListener {
  const directory = temporaryDirectory();
  writeFileSync(
    join(directory, 'package.json'),
    JSON.stringify({ name: 'demo-dep', version: '1.2.3', main: 'index.js' }),
  );
  writeFileSync(join(directory, 'index.js'), "module.exports = 'hello from npm';\n");
  execFileSync('npm', ['pack', '--silent'], { cwd: directory, stdio: 'pipe' });
  const tarball = readFileSync(join(directory, 'demo-dep-1.2.3.tgz'));
  const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
  return (request, response) => {
    if (request.url === '/demo-dep/-/demo-dep-1.2.3.tgz') {
      response.end(tarball);
      return;
    }
    if (request.url !== '/demo-dep') {
      response.statusCode = 404;
      response.end('{"error":"not_found"}');
      return;
    }
    const url = `https://${request.headers.host}/demo-dep/-/demo-dep-1.2.3.tgz`;
    const version = { name: 'demo-dep', version: '1.2.3', dist: { tarball: url, integrity } };
    response.setHeader('Content-Type', 'application/json');
    response.end(
      JSON.stringify({ name: 'demo-dep', 'dist-tags': { latest: '1.2.3' }, versions: { '1.2.3': version } }),
    );
  };
}

/** A simple index of Python packages (PEP 503) with one wheel, demo-wheel 1.0. */
export function pythonIndex(): RequestListener {
  const directory = temporaryDirectory();
  const name = 'demo_wheel-1.0-py3-none-any.whl';
  const program = `
import sys, zipfile
info = 'demo_wheel-1.0.dist-info/'
with zipfile.ZipFile(sys.argv[1], 'w') as wheel:
    wheel.writestr('demo_wheel.py', 'TEXT = "hello from pip"\\n')
    wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: demo-wheel\\nVersion: 1.0\\n')
    tag = 'Generator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n'
    wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\n' + tag)
    names = ['demo_wheel.py', info + 'METADATA', info + 'WHEEL', info + 'RECORD']
    wheel.writestr(info + 'RECORD', ''.join(name + ',,\\n' for name in names))
`;
  execFileSync('/usr/bin/python3', ['-c', program, join(directory, name)], { stdio: 'pipe' });
  const wheel = readFileSync(join(directory, name));
  const digest = createHash('sha256').update(wheel).digest('hex');
  return (request, response) => {
    if (request.url === `/files/${name}`) {
      response.end(wheel);
      return;
    }
    response.statusCode = request.url === '/simple/demo-wheel/' ? 200 : 404;
    response.setHeader('Content-Type', 'text/html');
    response.end(`<!DOCTYPE html><a href="/files/${name}#sha256=${digest}">${name}</a>`);
  };
}

/** Debian keeps the server's programs beside those of the clients. */
export function postgresPrograms(): string | null {
  const root = '/usr/lib/postgresql';
  const directories = existsSync(root) ? readdirSync(root).map((version) => join(root, version, 'bin')) : [];
  return [...directories, '/usr/bin', '/usr/local/bin'].find((path) => existsSync(join(path, 'initdb'))) ?? null;
}

/** Not as root, which PostgreSQL refuses. Resolves with its port. */
export async function startPostgres(programs: string): Promise<number> {
  const directory = temporaryDirectory();
  const port = await freePort();
  const data = join(directory, 'data');
  mkdirSync(data);
  const id = (flag: string) => Number(execFileSync('id', [flag, 'daemon'], { encoding: 'utf8' }));
  const user = process.getuid?.() === 0 ? { uid: id('-u'), gid: id('-g') } : {};
  chmodSync(directory, 0o777);
  if (user.uid !== undefined) execFileSync('chown', [`${user.uid}:${user.gid}`, data]);
  chmodSync(data, 0o700);
  const env = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C', HOME: directory };
  const options = { ...user, cwd: directory, env };
  await run(join(programs, 'initdb'), ['-D', data, '-A', 'trust', '-U', 'agent', '--no-sync'], options);
  const settings = ['-F', '-c', 'listen_addresses=127.0.0.1', '-c', `unix_socket_directories=${directory}`];
  const child = spawn(join(programs, 'postgres'), ['-D', data, '-p', String(port), ...settings], {
    ...options,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await saying(child, child.stderr, /ready to accept connections/);
  return port;
}

export async function startRedis(): Promise<number> {
  const directory = temporaryDirectory();
  const port = await freePort();
  const child = spawn(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', directory],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  await saying(child, child.stdout, /Ready to accept connections/);
  return port;
}

/** Resolves when a server says that it is ready; it ends with the test. */
async function saying(child: ChildProcess, output: NodeJS.ReadableStream, ready: RegExp): Promise<void> {
  const ended = once(child, 'exit');
  closing.push(async () => {
    child.kill('SIGINT');
    await ended;
  });
  let text = '';
  await new Promise<void>((resolve, reject) => {
    output.on('data', (part: Buffer) => {
      text += part.toString();
      if (ready.test(text)) resolve();
    });
    void ended.then(() => reject(new Error(`it has ended: ${text}`)));
  });
}
