import { describeExample } from './support/describe-example.js';
import { finish, list, read, run, write } from './support/scripted-model.js';

type Finding = { line: number; rule: string; quote: string; instead: string | null; why: string };
const finding = (line: number, rule: string, quote: string, instead: string | null): Finding => ({
  line,
  rule,
  quote,
  instead,
  why: `The line breaks the rule ${rule}.`,
});
const consistency = [
  finding(4, 'image-version', 'image: nginx', '    image: nginx:1.27.3'),
  finding(8, 'no-healthcheck', 'cache: { condition: service_healthy }', '      cache: { condition: service_started }'),
  finding(21, 'port-twice', 'ports: ["8080:3000"]', '    ports: ["8081:3000"]'),
  finding(36, 'image-version', 'image: redis:latest', '    image: redis:7.4.1'),
  finding(46, 'unused-volume', 'cache-data: {}', null),
];
const exposure = [
  finding(14, 'literal-secret', 'PAYMENT_TOKEN: live-51f0c2a9', '      PAYMENT_TOKEN: "${PAYMENT_TOKEN}"'),
  finding(24, 'docker-socket', '- /var/run/docker.sock:/var/run/docker.sock', null),
  finding(28, 'published-store', 'ports: ["5432:5432"]', '    ports: ["127.0.0.1:5432:5432"]'),
];
const all = [...consistency, ...exposure].sort((one, other) => one.line - other.line);
const findings = (file: string, list: readonly Finding[]) => write(`audit/${file}.json`, JSON.stringify(list));
const report = (list: readonly Finding[]) =>
  write('audit/REPORT.md', list.map(({ line, rule, why }) => `- compose.yaml:${line} ${rule}: ${why}\n`).join(''));
/** The findings as an editor's commands; sed takes the lines of the original. */
const correct = (list: readonly Finding[]) =>
  run(
    `sed ${list
      .map(({ line, instead }) => `-e '${line}${instead === null ? 'd' : `s|.*|${instead}|`}'`)
      .join(' ')} compose.yaml > audit/compose.yaml`,
  );

const exposed = [read('compose.yaml'), findings('exposure', exposure), finish('Three lines expose something.')];
const consistent = [
  list('.'),
  read('compose.yaml'),
  read('versions.txt'),
  // The volume is overlooked at first; the failed check names it.
  findings('consistency', consistency.slice(0, 4)),
  finish('Four lines are inconsistent.'),
  findings('consistency', consistency),
  finish('Five lines are inconsistent.'),
];
const merged = [
  read('audit/consistency.json'),
  read('audit/exposure.json'),
  report(all),
  correct(all),
  finish('The report has eight findings.'),
];

describeExample('compose-audit', {
  withoutModel: true,
  tasks: 3,
  makes: ['audit/consistency.json', 'audit/exposure.json', 'audit/REPORT.md', 'audit/compose.yaml'],
  right: { consistency_agent: consistent, exposure_agent: exposed, report_agent: merged },
  wrong: {
    'an auditor that finds nothing': {
      script: {
        consistency_agent: consistent,
        exposure_agent: [findings('exposure', []), finish('Nothing is exposed. The audit was verified.')],
      },
      found: 'each finding is proven, and none is missing',
    },
    'an auditor that complains of a good line': {
      script: {
        consistency_agent: consistent,
        exposure_agent: [
          findings('exposure', [...exposure, finding(37, 'published-store', 'ports: ["127.0.0.1:6379:6379"]', '')]),
          finish('Four lines expose something.'),
        ],
      },
      found: 'each finding is proven, and none is missing',
    },
    'an auditor that changes the file instead': {
      script: {
        consistency_agent: consistent,
        exposure_agent: [
          run("mkdir -p audit; echo '[]' > audit/exposure.json; sed -i '24d;s/5432:5432/127.0.0.1:&/' compose.yaml"),
          finish('Everything is corrected.'),
        ],
      },
      found: 'compose.yaml',
    },
    'a report that leaves a finding out': {
      script: {
        consistency_agent: consistent,
        exposure_agent: exposed,
        report_agent: [report(all.slice(1)), correct(all), finish('The report has all findings.')],
      },
      found: 'the report has each finding, and the corrected file each correction',
    },
  },
});
