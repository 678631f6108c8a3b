/**
 * What JUnit XML must be to be read by what reads it: the rules that the schema of Ant's reports
 * (windyroad/JUnit-Schema) and that of Jenkins' xunit plugin (junit-10.xsd) have in common. Throws at the first broken
 * one.
 */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  readonly text: string;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
/** The characters that XML 1.0 has. */
const CHARACTERS = /^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u;

/** Of a document without comments, processing instructions, CDATA and namespaces: ours has none. */
function parseXml(document: string): XmlElement {
  if (!CHARACTERS.test(document)) throw new Error('a character that XML does not have');
  const [, body] = /^<\?xml version="1\.0" encoding="UTF-8"\?>\n([\s\S]*)$/.exec(document) ?? [];
  if (body === undefined) throw new Error('no declaration');
  const tokens = body.matchAll(/<(\/?)([\w-]+)((?:\s+[\w-]+="[^"<]*")*)\s*(\/?)>|([^<]+)|(<)/g);
  const open: { name: string; attributes: Record<string, string>; children: XmlElement[]; text: string }[] = [];
  let root: XmlElement | null = null;
  for (const [token, closes, name = '', attributes = '', isEmpty, text, stray] of tokens) {
    if (stray !== undefined) throw new Error('a < that begins no tag');
    const top = open.at(-1);
    if (text !== undefined) {
      if (top !== undefined) top.text += decoded(text);
      else if (text.trim() !== '') throw new Error(`text outside of the root: ${token}`);
      continue;
    }
    if (closes !== '/') open.push({ name, attributes: attributesOf(attributes), children: [], text: '' });
    if (closes !== '/' && isEmpty !== '/') continue;
    const ended = open.pop();
    if (ended?.name !== name) throw new Error(`${token} ends ${ended?.name}`);
    const parent = open.at(-1);
    if (parent !== undefined) parent.children.push(ended);
    else if (root === null) root = ended;
    else throw new Error('two roots');
  }
  if (root === null || open.length > 0) throw new Error('an element has no end');
  return root;
}

function attributesOf(text: string): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const [, name = '', value = ''] of text.matchAll(/([\w-]+)="([^"]*)"/g)) {
    if (name in attributes) throw new Error(`two attributes ${name}`);
    // A parser makes a space of each; what must stay is written as a reference.
    if (/[\t\n\r]/.test(value)) throw new Error(`a line break in ${name}`);
    attributes[name] = decoded(value);
  }
  return attributes;
}

function decoded(text: string): string {
  return text.replace(/&([^;&]*)(;?)/g, (whole, name: string, end: string) => {
    const character = name.startsWith('#') ? String.fromCodePoint(Number(name.slice(1))) : ENTITIES[name];
    if (end === '' || character === undefined) throw new Error(`${whole} is no reference`);
    return character;
  });
}

type Pattern = RegExp;
const ANY: Pattern = /^[\s\S]*$/;
const TOKEN: Pattern = /^\S[\s\S]*$/;
const COUNT: Pattern = /^\d+$/;
const SECONDS: Pattern = /^\d+\.\d{3}$/;

/** Attributes that must be there; others may not. */
const ATTRIBUTES: Readonly<Record<string, Readonly<Record<string, Pattern>>>> = {
  testsuites: {},
  testsuite: {
    name: TOKEN,
    package: TOKEN,
    id: COUNT,
    timestamp: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/,
    hostname: TOKEN,
    tests: COUNT,
    failures: COUNT,
    errors: COUNT,
    skipped: COUNT,
    time: SECONDS,
  },
  properties: {},
  property: { name: TOKEN, value: ANY },
  testcase: { classname: TOKEN, name: TOKEN, time: SECONDS },
  failure: { type: TOKEN, message: ANY },
  error: { type: TOKEN, message: ANY },
  skipped: { message: ANY },
  'system-out': {},
  'system-err': {},
};

/** The names of an element's children, in this order. */
const CHILDREN: Readonly<Record<string, Pattern>> = {
  testsuites: /^(testsuite )*$/,
  testsuite: /^properties (testcase )*system-out system-err $/,
  properties: /^(property )*$/,
  testcase: /^((skipped|error|failure) )?$/,
};

/** The document's one testsuite. */
export function requireJunit(document: string): XmlElement {
  const root = parseXml(document);
  if (root.name !== 'testsuites') throw new Error(`the root is ${root.name}`);
  requireRules(root);
  const [suite] = root.children;
  if (suite === undefined || root.children.length > 1) throw new Error('not one testsuite');
  const cases = suite.children.filter(({ name }) => name === 'testcase');
  const outcomes = cases.flatMap(({ children }) => children.map(({ name }) => name));
  for (const [attribute, kind] of Object.entries({ failures: 'failure', errors: 'error', skipped: 'skipped' }))
    if (Number(suite.attributes[attribute]) !== outcomes.filter((name) => name === kind).length)
      throw new Error(`${attribute} is not their number`);
  if (Number(suite.attributes['tests']) !== cases.length) throw new Error('tests is not their number');
  return suite;
}

function requireRules({ name, attributes, children }: XmlElement): void {
  const wanted = ATTRIBUTES[name];
  if (wanted === undefined) throw new Error(`an element ${name}`);
  const given = Object.keys(attributes).sort();
  if (given.join() !== Object.keys(wanted).sort().join()) throw new Error(`${name} has ${given.join()}`);
  for (const [attribute, pattern] of Object.entries(wanted))
    if (!pattern.test(attributes[attribute] ?? '')) throw new Error(`${name} ${attribute}: ${attributes[attribute]}`);
  const order = children.map((child) => `${child.name} `).join('');
  if (!(CHILDREN[name] ?? /^$/).test(order)) throw new Error(`${name} contains ${order}`);
  for (const child of children) requireRules(child);
}
