import { X509Certificate } from 'node:crypto';
import { statSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { readLabels } from './lib/env.mjs';
import { listFiles, modeOf, readJson, readText, sha256, writeWhole } from './lib/files.mjs';
import { readArguments, refuse, runTool, UsageError } from './lib/tool.mjs';

const USAGE = `usage: node $TOOLBOX/status-page.mjs build DIR --graph GRAPH.json --labels DIR --cert CERT
       node $TOOLBOX/status-page.mjs check DIR
build  writes DIR/status.json (the control plane's API answer: routes, start order, certificate, artefacts) and
       DIR/index.html, which links them all
check  status.json lists every file of the platform as it is now`;

/** Files that build writes; they describe the others. */
const OWN = ['index.html', 'status.json'];
const STYLE =
  'body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}' +
  'table{border-collapse:collapse;width:100%}td{border-top:1px solid #ccc;padding:.2rem .5rem .2rem 0}';

/** Every file of the platform; digests of private files are left out. */
function artefactsFor(directory) {
  return listFiles('.')
    .filter((path) => !OWN.some((name) => path === join(directory, name)))
    .map((path) => {
      const isPrivate = modeOf(path) === '600';
      return {
        path,
        bytes: statSync(path).size,
        private: isPrivate,
        sha256: isPrivate ? null : sha256(readText(path)),
      };
    });
}

/** [{service, url}] of the label files. */
function routesOf(directory) {
  return listFiles(directory)
    .filter((file) => file.endsWith('.labels'))
    .map((file) => {
      const service = basename(file, '.labels');
      const host = /Host\(`([^`]+)`\)/.exec(
        readLabels(join(directory, file)).get(`traefik.http.routers.${service}.rule`) ?? '',
      )?.[1];
      return { service, url: `https://${host}/` };
    });
}

const escape = (text) =>
  String(text).replace(
    /[&<>"']/g,
    (char) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[char],
  );

function artefactRow(directory, { path, bytes, private: isPrivate }) {
  return (
    `<tr><td><a href="${escape(encodeURI(relative(directory, path)))}">${escape(path)}</a></td><td>${bytes} ` +
    `bytes${isPrivate ? ', private: opens on this machine only' : ''}</td></tr>`
  );
}

function pageOf(directory, status) {
  const areas = [...new Set(status.artefacts.map(({ path }) => dirname(path).split('/')[0]))].sort();
  const area = (name) => status.artefacts.filter(({ path }) => dirname(path).split('/')[0] === name);
  const titleOf = (name) => (name === '.' ? 'platform' : name);
  const summary =
    `${status.services} services, ${status.routes.length} routes, ${status.artefacts.length} artefacts. The ` +
    `certificate is valid until ${escape(status.certificate_valid_to)}. The same ` +
    'as data: <a href="status.json">status.json</a>.';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Hlidskjalf: the Ravenhelm platform</title>
<style>${STYLE}</style>
</head>
<body>
<h1>Hlidskjalf</h1>
<p>${summary}</p>
<nav>${areas.map((name) => `<a href="#${escape(titleOf(name))}">${escape(titleOf(name))}</a>`).join(' · ')}</nav>
<h2>Routes</h2>
<ul>${status.routes.map(({ service, url }) => `<li><a href="${escape(url)}">${escape(service)}</a></li>`).join('')}</ul>
<h2>Start order</h2>
<ol>${status.start_order.map((group) => `<li>${group.map(escape).join(', ')}</li>`).join('')}</ol>
${areas
  .map(
    (name) =>
      `<h2 id="${escape(titleOf(name))}">${escape(titleOf(name))}</h2>\n<table>${area(name)
        .map((artefact) => artefactRow(directory, artefact))
        .join('\n')}</table>`,
  )
  .join('\n')}
</body>
</html>
`;
}

function build(directory, options) {
  const missing = ['graph', 'labels', 'cert'].filter((name) => options[name] === undefined);
  if (missing.length > 0) throw new UsageError(`missing option: ${missing.map((name) => `--${name}`).join(', ')}`);
  const graph = readJson(options.graph);
  const status = {
    services: graph.nodes.length,
    routes: routesOf(options.labels),
    start_order: graph.start_order,
    certificate_valid_to: new Date(new X509Certificate(readText(options.cert)).validTo).toISOString(),
    artefacts: artefactsFor(directory),
  };
  writeWhole(join(directory, 'status.json'), `${JSON.stringify(status, null, 2)}\n`);
  writeWhole(join(directory, 'index.html'), pageOf(directory, status));
  return `${join(directory, 'index.html')}: ${status.artefacts.length} artefacts`;
}

function check(directory) {
  const file = join(directory, 'status.json');
  const listed = new Map(readJson(file).artefacts.map((artefact) => [artefact.path, artefact.sha256]));
  const here = artefactsFor(directory);
  refuse([
    ...here.filter(({ path }) => !listed.has(path)).map(({ path }) => `${file}: lacks ${path}`),
    ...here
      .filter(({ path, sha256: digest }) => listed.has(path) && listed.get(path) !== digest)
      .map(({ path }) => `${file}: is stale, ${path} has changed since`),
    ...[...listed.keys()]
      .filter((path) => !here.some((artefact) => artefact.path === path))
      .map((path) => `${file}: lists ${path}, which does not exist`),
  ]);
  return `${file}: ${here.length} artefacts, all as they are now`;
}

await runTool(USAGE, ([command, ...rest]) => {
  const {
    options,
    positionals: [directory],
  } = readArguments(rest, { graph: 'string', labels: 'string', cert: 'string' }, { positionals: [1, 1] });
  if (command === 'build') return build(directory, options);
  if (command === 'check') return check(directory);
  throw new UsageError(`unknown command: ${command ?? '(none)'}`);
});
