import { dirname, join, normalize, relative } from 'node:path';
import { readLabels } from './lib/env.mjs';
import { exists, listFiles, readText } from './lib/files.mjs';
import { readArguments, refuse, runTool } from './lib/tool.mjs';

const USAGE = `usage: node $TOOLBOX/links.mjs PAGE.html [--covers DIR] [--labels DIR]
Every link and source of the page leads to a file that exists, an anchor of the page, or (--labels) to a host that a
Traefik label file routes. --covers DIR: each file below DIR is linked, but for the page itself.`;

const TAG = /<([a-z][a-z0-9]*)((?:\s+[a-z-]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+))?)*)\s*\/?>/gi;
const ATTRIBUTE = /([a-z-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/gi;
const ENTITIES = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" };

/** Attributes of all tags: [{name, value}]. */
function attributesOf(html) {
  const text = html.replace(/<!--[^]*?-->/g, '').replace(/<(script|style)\b[^>]*>[^]*?<\/\1>/gi, '');
  return [...text.matchAll(TAG)].flatMap(([, , attributes]) =>
    [...attributes.matchAll(ATTRIBUTE)].map(([, name, double, single, bare]) => ({
      name: name.toLowerCase(),
      value: (double ?? single ?? bare).replace(/&(amp|lt|gt|quot|#39);/g, (entity) => ENTITIES[entity]),
    })),
  );
}

/** Hosts that the label files route to. */
function routedHosts(directory) {
  return listFiles(directory)
    .filter((file) => file.endsWith('.labels'))
    .flatMap((file) =>
      [...readLabels(join(directory, file))].flatMap(([key, value]) =>
        key.endsWith('.rule') ? [...value.matchAll(/Host\(`([^`]+)`\)/g)].map((match) => match[1]) : [],
      ),
    );
}

function linkProblem(page, link, { hosts, anchors }) {
  if (link.startsWith('#')) return anchors.includes(link.slice(1)) ? null : `${link} is no anchor of the page`;
  if (/^[a-z][a-z0-9+.-]*:/i.test(link)) {
    const host = URL.canParse(link) ? new URL(link).hostname : null;
    return host !== null && hosts.includes(host) ? null : `${link} is dead: no route serves it`;
  }
  return exists(fileOf(page, link)) ? null : `${link} is dead: ${fileOf(page, link)} does not exist`;
}

const fileOf = (page, link) => normalize(join(dirname(page), decodeURI(link.replace(/[?#].*$/, ''))));

await runTool(USAGE, (argv) => {
  const {
    options,
    positionals: [page],
  } = readArguments(argv, { covers: 'string', labels: 'string' }, { positionals: [1, 1] });
  const attributes = attributesOf(readText(page));
  const links = attributes.filter(({ name }) => name === 'href' || name === 'src').map(({ value }) => value);
  const context = {
    hosts: options.labels === undefined ? [] : routedHosts(options.labels),
    anchors: attributes.filter(({ name }) => name === 'id').map(({ value }) => value),
  };
  const linked = new Set(
    links.filter((link) => !/^([a-z][a-z0-9+.-]*:|#)/i.test(link)).map((link) => fileOf(page, link)),
  );
  const covered =
    options.covers === undefined
      ? []
      : listFiles(options.covers)
          .map((file) => normalize(join(options.covers, file)))
          .filter((file) => relative(page, file) !== '');
  refuse(
    [
      ...(links.length === 0 ? ['has no link'] : links.flatMap((link) => linkProblem(page, link, context) ?? [])),
      ...covered.filter((file) => !linked.has(file)).map((file) => `does not link ${file}`),
    ].map((problem) => `${page}: ${problem}`),
  );
  return `${page}: ${links.length} links, all alive`;
});
