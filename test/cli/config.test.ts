import { CliError } from '../../src/cli/cli-error.js';
import { loadConfig, shownValue, type ConfigInput } from '../../src/cli/config.js';
import type { Config } from '../../src/cli/setting-origin.js';

function load(files: Record<string, string> = {}, input: Partial<ConfigInput> = {}): Config {
  return loadConfig({
    flags: {},
    env: {},
    cwd: '/home/me/swarm',
    projectDir: '/opt/ravenhelm',
    configFile: null,
    readFile: (path) => files[path] ?? null,
    ...input,
  });
}

function failure(files: Record<string, string>, input: Partial<ConfigInput> = {}): CliError {
  try {
    load(files, input);
  } catch (error) {
    if (error instanceof CliError) return error;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

function origin(config: Config, name: string) {
  const found = config.origins.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no setting ${name}`);
  return found;
}

const DOT_ENV = '/home/me/swarm/.env';
const YAML = '/home/me/swarm/ravenhelm.yaml';
const BOTH = { KAFKA_BROKERS: 'localhost:19092', SCHEMA_REGISTRY_URL: 'http://localhost:18081' };

describe('where a setting comes from', () => {
  test('a flag beats the environment, which beats .env, which beats the file, which beats the default', () => {
    const files = { [DOT_ENV]: 'RAVENHELM_PREFIX=from-dot-env', [YAML]: 'ravenhelm_prefix: from-file' };
    const layers: [Partial<ConfigInput>, Record<string, string>, string, string][] = [
      [{ flags: { RAVENHELM_PREFIX: 'from-flag' }, env: { RAVENHELM_PREFIX: 'from-env' } }, files, 'from-flag', 'flag'],
      [{ env: { RAVENHELM_PREFIX: 'from-env' } }, files, 'from-env', 'environment'],
      [{}, files, 'from-dot-env', '.env'],
      [{}, { [YAML]: files[YAML] ?? '' }, 'from-file', 'file'],
      [{}, {}, 'ravenhelm.squad', 'default'],
    ];
    for (const [input, present, value, source] of layers) {
      const config = load(present, input);
      expect(config.values.RAVENHELM_PREFIX).toBe(value);
      expect(origin(config, 'RAVENHELM_PREFIX').source).toBe(source);
    }
  });

  test('an empty environment variable counts as not set', () => {
    const config = load({}, { env: { ANTHROPIC_API_KEY: '', RAVENHELM_PREFIX: '' } });
    expect(config.values.ANTHROPIC_API_KEY).toBeNull();
    expect(config.values.RAVENHELM_PREFIX).toBe('ravenhelm.squad');
  });

  test('relative paths lie beside what names them: the working directory, the file, or the project', () => {
    expect(load({}, { flags: { RAVENHELM_AGENTS_DIR: 'mine' } }).values.RAVENHELM_AGENTS_DIR).toBe(
      '/home/me/swarm/mine',
    );
    expect(load({ '/etc/rh.yaml': 'workspace_root: work' }, { configFile: '/etc/rh.yaml' }).values.WORKSPACE_ROOT).toBe(
      '/etc/work',
    );
    expect(load().values.WORKSPACE_ROOT).toBe('/opt/ravenhelm/.ravenhelm/workspaces');
  });

  test('the file says its line', () => {
    const config = load({ [YAML]: '# mine\nlog_level: info\n' });
    expect(origin(config, 'LOG_LEVEL')).toMatchObject({ text: 'info', source: 'file', place: `${YAML}:2` });
  });

  test('lists may be written as YAML lists', () => {
    const config = load({ [YAML]: 'worker_models: [ollama:llama3.1, playbook]' });
    expect(config.values.WORKER_MODELS).toEqual(['ollama:llama3.1', 'playbook']);
  });

  test('a command may have its own default', () => {
    expect(load({}, { defaults: { LOG_LEVEL: 'info' } }).values.LOG_LEVEL).toBe('info');
    expect(load({}, { defaults: { LOG_LEVEL: 'info' }, env: { LOG_LEVEL: 'error' } }).values.LOG_LEVEL).toBe('error');
  });
});

describe('what values become', () => {
  test('brokers are a list, the registry has no slash at its end', () => {
    const { values } = load({}, { env: { KAFKA_BROKERS: 'a:9092, b:9092', SCHEMA_REGISTRY_URL: 'http://r:8081/' } });
    expect(values.KAFKA_BROKERS).toEqual(['a:9092', 'b:9092']);
    expect(values.SCHEMA_REGISTRY_URL).toBe('http://r:8081');
  });

  test.each([
    ['ollama', 'http://ollama:11434'],
    ['127.0.0.1:9999', 'http://127.0.0.1:9999'],
    ['https://gpu.example:443/', 'https://gpu.example:443'],
  ])('OLLAMA_HOST %s is %s', (text, url) => {
    expect(load({}, { env: { OLLAMA_HOST: text } }).values.OLLAMA_HOST).toBe(url);
  });

  test.each([
    ['on', true],
    ['off', false],
    ['true', true],
    ['0', false],
  ])('--sandbox %s', (text, value) => {
    expect(load({}, { flags: { RAVENHELM_SANDBOX: text } }).values.RAVENHELM_SANDBOX).toBe(value);
  });

  test.each([
    ['environment', {}, { RAVENHELM_SANDBOX: 'off' }, 'the environment variable RAVENHELM_SANDBOX'],
    ['environment, on', {}, { RAVENHELM_SANDBOX: 'on' }, 'the environment variable RAVENHELM_SANDBOX'],
    ['.env', { [DOT_ENV]: 'RAVENHELM_SANDBOX=off' }, {}, DOT_ENV],
    ['file', { [YAML]: 'ravenhelm_sandbox: off' }, {}, `${YAML}:1`],
  ])('the sandbox is a flag only: refused in the %s', (_, files, env, place) => {
    const { message, nextStep, exitCode } = failure(files, { env });
    expect({ message, exitCode }).toEqual({ message: expect.stringContaining(place), exitCode: 2 });
    expect(nextStep).toContain('type --sandbox');
  });

  test('.env knows quotes, comments and export', () => {
    const { values } = load({
      [DOT_ENV]: '# keys\nexport OPENAI_API_KEY="sk-1 # not a comment"\n\nWORKSPACE_ROOT=/srv/work # here\n',
    });
    expect(values.OPENAI_API_KEY).toBe('sk-1 # not a comment');
    expect(values.WORKSPACE_ROOT).toBe('/srv/work');
  });

  test.each([
    ['several lines in double quotes', 'OPENAI_API_KEY="a\nb # c\n"', 'a\nb # c\n'],
    ['several lines in single quotes', "OPENAI_API_KEY='a\n\\n\nb' # end", 'a\n\\n\nb'],
    ['several lines in backticks', 'OPENAI_API_KEY=`"a"\n\'b\'`', '"a"\n\'b\''],
    ['a line that looks like another setting, inside', 'OPENAI_API_KEY="a\nLOG_LEVEL=debug"', 'a\nLOG_LEVEL=debug'],
    ['escapes', String.raw`OPENAI_API_KEY="a\n\t\"b\" \\ \$C \d"`, 'a\n\t"b" \\ $C \\d'],
    ['lines that end with CR LF', 'OPENAI_API_KEY="a\r\nb"\r\nLOG_LEVEL=warn\r\n', 'a\nb'],
    ['foreign names', 'npm_config_my-key.x=1\nspring.datasource.url=jdbc\nOPENAI_API_KEY=a#b', 'a#b'],
    ['export without a value', 'OPENAI_API_KEY=a\nexport OPENAI_API_KEY PATH # again', 'a'],
    ['export with blanks and tabs', '\texport \tOPENAI_API_KEY =  a ', 'a'],
    ['no line feed at the end, after a comment', 'OPENAI_API_KEY=a\n# x', 'a'],
    ['a comment as the whole value', 'OPENAI_API_KEY=# none\nOPENAI_API_KEY=b', 'b'],
    ['an empty value, whose next line is not its value', 'OPENAI_API_KEY=\nLOG_LEVEL=info', null],
  ])('.env: %s', (_, text, key) => {
    const config = load({ [DOT_ENV]: text });
    expect(origin(config, 'OPENAI_API_KEY').text).toBe(key);
    expect(config.warnings).toEqual([]);
  });

  test('a name that nearly is a setting is named, with its line, unless that setting is set', () => {
    const text = '# local\nKAFKA_BROKER=a:1\n\nRAVENHELM_PREFX=x\nexport log_level=debug\nDATABASE_URL=x\nMY_KEY=\n';
    const said = (name: string, setting: string, line: number) =>
      `${DOT_ENV}:${line}: ${name} is no setting and is ignored. Did you mean ${setting}?`;
    const named = [
      said('KAFKA_BROKER', 'KAFKA_BROKERS', 2),
      said('RAVENHELM_PREFX', 'RAVENHELM_PREFIX', 4),
      said('log_level', 'LOG_LEVEL', 5),
    ];
    expect(load({ [DOT_ENV]: text }).warnings).toEqual(named);
    expect(load({ [DOT_ENV]: text }, { env: { ...BOTH, SHEL: 'x' } }).warnings).toEqual(named.slice(1));
    expect(load({}, { env: { OLLAMA_HOSTS: 'x', HOME: '/h', PATH: '/bin', ftp_proxy: 'a:1' } }).warnings).toEqual([
      'the environment: OLLAMA_HOSTS is no setting and is ignored. Did you mean OLLAMA_HOST?',
    ]);
  });
});

describe('proxies and credentials', () => {
  test('proxies are read in both cases, and lower case wins', () => {
    const { values, origins } = load(
      {},
      { env: { HTTP_PROXY: 'a:1', http_proxy: 'b:1', HTTPS_PROXY: 'http://c:1', no_proxy: 'd' } },
    );
    expect([values.HTTP_PROXY, values.HTTPS_PROXY, values.NO_PROXY]).toEqual(['http://b:1', 'http://c:1', 'd']);
    expect(origins.find(({ name }) => name === 'HTTP_PROXY')?.place).toBe('the environment variable http_proxy');
    expect(load({}, { env: { http_proxy: '', HTTP_PROXY: 'a:1' } }).values.HTTP_PROXY).toBe('http://a:1');
  });

  test.each(['OLLAMA_HOST', 'OPENAI_BASE_URL', 'ANTHROPIC_BASE_URL', 'HTTP_PROXY', 'HTTPS_PROXY'])(
    '%s keeps user and password, and does not show them',
    (name) => {
      const config = load({}, { env: { [name]: 'http://me:hidden@h:1/x' } });
      expect(JSON.stringify(config.values)).toContain('me:hidden@h:1');
      expect(shownValue(origin(config, name))).toBe('http://••••@h:1/x');
    },
  );

  test.each(['OLLAMA_HOST', 'OPENAI_BASE_URL', 'HTTPS_PROXY'])('a wrong %s is refused without showing them', (name) => {
    const { message } = failure({}, { env: { [name]: 'ftp://me:hidden@h' } });
    expect(message).toContain(`${name} is "ftp://••••@h"`);
    expect(message).not.toContain('hidden');
  });
});

describe('wrong values', () => {
  test.each([
    ['KAFKA_BROKERS', 'localhost', 'host:port'],
    ['KAFKA_BROKERS', 'http://localhost:9092', 'host:port'],
    ['KAFKA_BROKERS', 'localhost:9092,localhost:99999', 'host:port'],
    ['SCHEMA_REGISTRY_URL', 'localhost:18081', 'a URL'],
    ['RAVENHELM_PREFIX', 'with space', 'letters'],
    ['RAVENHELM_LOG', 'redis', 'auto, kafka or memory'],
    ['LOG_LEVEL', 'verbose', 'debug, info'],
    ['KAFKA_TLS', 'maybe', 'true or false'],
    ['KAFKA_SESSION_TIMEOUT_MS', '10s', 'milliseconds'],
  ])('%s=%s names the setting, where it stands and what it must be', (name, text, expected) => {
    const error = failure({}, { env: { ...BOTH, [name]: text } });
    expect(error.exitCode).toBe(2);
    expect(error.message).toContain(`${name} is "${text}" (from the environment variable ${name})`);
    expect(error.message).toContain(expected);
    expect(error.nextStep).toContain(`the environment variable ${name}`);
  });

  test.each([
    ['-x', 'begin with a letter or a digit'],
    ['..', 'not be dots alone'],
    ['.', 'not be dots alone'],
    ['', 'have at least one letter or digit'],
    ['a/b', 'be letters, digits, dots, dashes and underscores'],
    ['a'.repeat(101), 'have 100 characters at most (it has 101)'],
  ])('the error for the prefix %j names the rule that it breaks', (text, rule) => {
    expect(failure({}, { flags: { RAVENHELM_PREFIX: text } }).message).toMatch(
      new RegExp(`; it must ${rule.replace(/[()]/g, '\\$&')}$`),
    );
    expect(load({}, { flags: { RAVENHELM_PREFIX: 'a'.repeat(100) } }).values.RAVENHELM_PREFIX).toHaveLength(100);
  });

  test('a long value is cut, and control characters are not shown', () => {
    expect(failure({}, { env: { RAVENHELM_LOG: 'b'.repeat(300) } }).message).toContain(`"${'b'.repeat(79)}…"`);
    expect(failure({}, { env: { RAVENHELM_LOG: 'a\u001b[31mb' } }).message).toContain('"a [31mb"');
  });

  test('one error names all wrong values', () => {
    const error = failure({ [DOT_ENV]: 'LOG_LEVEL=loud' }, { flags: { RAVENHELM_LOG: 'paper' } });
    expect(error.message).toContain('RAVENHELM_LOG is "paper" (from --log)');
    expect(error.message).toContain(`LOG_LEVEL is "loud" (from ${DOT_ENV})`);
  });

  test('a secret is not shown in its error', () => {
    const error = failure({}, { env: { KAFKA_SASL_PASSWORD: 'hunter2' } });
    expect(`${error.message} ${error.nextStep}`).not.toContain('hunter2');
  });

  test.each([
    [{ KAFKA_BROKERS: 'a:1' }, 'SCHEMA_REGISTRY_URL'],
    [{ SCHEMA_REGISTRY_URL: 'http://r' }, 'KAFKA_BROKERS'],
    [{ ...BOTH, KAFKA_SASL_MECHANISM: 'plain' }, 'KAFKA_SASL_USERNAME'],
    [{ RAVENHELM_HTTP: '0.0.0.0:9464' }, 'RAVENHELM_HTTP_TOKEN'],
    [{ RAVENHELM_HTTP: '[::]:9464' }, 'RAVENHELM_HTTP_TOKEN'],
    [{ RAVENHELM_HTTP: 'worker:9464' }, 'RAVENHELM_HTTP_TOKEN'],
    [{ RAVENHELM_HTTP_ADVERTISE: 'worker:9464' }, 'RAVENHELM_HTTP'],
    [{ ...BOTH, KAFKA_TLS_CA: 'ca.pem' }, 'KAFKA_TLS'],
    [{ ...BOTH, KAFKA_TLS: 'true', KAFKA_TLS_CERT: 'c.pem' }, 'KAFKA_TLS_KEY'],
  ])('%j alone is not enough: %s is missing', (env, missing) => {
    expect(failure({}, { env }).message).toContain(`${missing} is not`);
  });

  test.each(['0.0.0.0:9464', '[::]:9464', '9464', 'worker', 'worker:0', 'worker:65536', 'http://worker:9464', 'a b:1'])(
    '%s is no address that others reach',
    (RAVENHELM_HTTP_ADVERTISE) => {
      const env = { RAVENHELM_HTTP: '127.0.0.1:9464', RAVENHELM_HTTP_ADVERTISE };
      expect(failure({}, { env }).message).toContain('RAVENHELM_HTTP_ADVERTISE is');
    },
  );

  test('a broker without a registry names what is missing and three ways out', () => {
    const error = failure({ [DOT_ENV]: 'KAFKA_BROKERS=a:1' });
    expect(error.message).toBe(
      `KAFKA_BROKERS is set (from ${DOT_ENV}), but SCHEMA_REGISTRY_URL is not; Kafka needs both`,
    );
    expect(error.nextStep?.split('\n')).toEqual([
      'To use that cluster: set SCHEMA_REGISTRY_URL to a URL such as http://localhost:18081.',
      'To use the local stack, which has both: ' + `take KAFKA_BROKERS out of ${DOT_ENV}, then npx ravenhelm stack up.`,
      'To do without a broker, in this process only: --log memory.',
    ]);
  });

  test('a broker without a registry does no harm with --log memory, and does with --log auto', () => {
    const env = { KAFKA_BROKERS: 'a:1' };
    expect(load({}, { env, flags: { RAVENHELM_LOG: 'memory' } }).values.KAFKA_BROKERS).toEqual(['a:1']);
    expect(failure({}, { env, flags: { RAVENHELM_LOG: 'auto' } }).exitCode).toBe(2);
  });

  test('an unknown key of the file is an error with its line and a suggestion', () => {
    const error = failure({ [YAML]: 'log_level: info\nkafka_broker: a:1\n' });
    expect(error.message).toBe(`${YAML}:2: kafka_broker is no setting`);
    expect(error.nextStep).toContain('Did you mean kafka_brokers?');
  });

  test('a broken file is an error with its line', () => {
    expect(failure({ [YAML]: 'log_level: info\n  bad: [\n' }).message).toMatch(/ravenhelm\.yaml:\d+: /);
    expect(failure({ [YAML]: '- a\n' }).message).toContain('must be a map');
    expect(failure({ [YAML]: 'log_level: {a: 1}' }).message).toContain('one value or a list');
  });

  test('the error for a broken file is plain and does not quote the file', () => {
    const error = failure({ [YAML]: 'log_level: info\n  openai_api_key: sk-secret\n' });
    expect(error.message).toBe(
      `${YAML}:1: this is not valid YAML: Nested mappings are not allowed in compact mappings`,
    );
    expect(error.nextStep).toContain('the indentation of this line or the next is probably wrong');
    expect(failure({ [YAML]: 'a: 1\n---\nb: 2\n' }).message).toBe(`${YAML}:2: a second YAML document starts here`);
    expect(failure({ [YAML]: `${'k'.repeat(300)}: 1` }).message).toBe(`${YAML}:1: ${'k'.repeat(79)}… is no setting`);
  });

  test('a line of .env that is not NAME=value is an error with its number', () => {
    expect(failure({ [DOT_ENV]: 'A=1\nnonsense\n' }).message).toBe(`${DOT_ENV}:2: this line is not NAME=value`);
    expect(failure({ [DOT_ENV]: 'B=1\nA="open\n\nC=2' }).message).toContain(`${DOT_ENV}:2: the quotes of this value`);
    expect(failure({ [DOT_ENV]: "A='x\ny' z\n" }).message).toContain(`${DOT_ENV}:1: the quotes of this value`);
    expect(failure({ [DOT_ENV]: 'A="x\ny"\nnonsense' }).message).toBe(`${DOT_ENV}:3: this line is not NAME=value`);
  });

  test('a configuration file that was asked for must be there', () => {
    expect(failure({}, { configFile: 'other.yaml' }).message).toContain('/home/me/swarm/other.yaml');
  });
});

describe('showing a value', () => {
  test('secrets are masked, long ones but for their last four characters', () => {
    const config = load({}, { env: { OPENAI_API_KEY: 'sk-abcdefghijklmnop', ANTHROPIC_API_KEY: 'short' } });
    expect(shownValue(origin(config, 'OPENAI_API_KEY'))).toBe('••••mnop');
    expect(shownValue(origin(config, 'ANTHROPIC_API_KEY'))).toBe('••••');
    expect(shownValue(origin(config, 'LOG_LEVEL'))).toBe('warn');
  });
});
