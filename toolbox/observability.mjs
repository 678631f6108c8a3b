import { dirname, join } from 'node:path';
import { readComposeFile } from './lib/compose-file.mjs';
import { exists, listFiles, readJson } from './lib/files.mjs';
import { listOf, readArguments, refuse, runTool, UsageError } from './lib/tool.mjs';
import { readYaml } from './lib/yaml.mjs';

const USAGE = `usage: node $TOOLBOX/observability.mjs prometheus FILE (--services A,B | --compose FILE)
       node $TOOLBOX/observability.mjs grafana DIR (--services A,B | --compose FILE)
prometheus  scrape jobs have unique names, and targets SERVICE:PORT of services that exist (with --services: of each of
            them); rule files exist, hold groups of rules with expressions
grafana     DIR is the provisioning directory: data sources have a uid and a type and lead to existing services;
            dashboards are JSON, their panels have unique ids, queries, and a data source that is provisioned`;

/** Names of the services that may be referred to. */
function servicesOf(options) {
  if ((options.services === undefined) === (options.compose === undefined))
    throw new UsageError('give either --services or --compose');
  return options.services === undefined
    ? readComposeFile(options.compose).services.map(({ name }) => name)
    : listOf(options.services);
}

function targetProblems(job, services) {
  const targets = (job.static_configs ?? []).flatMap((config) => config.targets ?? []);
  if (targets.length === 0) return [`job ${job.job_name} has no target`];
  return targets.flatMap((target) => {
    const [host, port] = String(target).split(':');
    return [
      ...(services.includes(host) ? [] : [`job ${job.job_name}: target ${target} is no service of the platform`]),
      ...(/^\d+$/.test(port ?? '') ? [] : [`job ${job.job_name}: target ${target} has no port`]),
    ];
  });
}

function ruleProblems(file) {
  const groups = readYaml(file)?.groups;
  if (!Array.isArray(groups) || groups.length === 0) return [`${file}: has no groups`];
  return groups.flatMap((group) =>
    (group.rules ?? []).flatMap((rule, index) => {
      const name = rule.alert ?? rule.record;
      return typeof name === 'string' && typeof rule.expr === 'string' && rule.expr.trim() !== ''
        ? []
        : [`${file}: rule ${index + 1} of ${group.name} needs alert or record, and expr`];
    }),
  );
}

function prometheus(file, options) {
  const services = servicesOf(options);
  const value = readYaml(file);
  const jobs = value.scrape_configs ?? [];
  const names = jobs.map((job) => job.job_name);
  const scraped = jobs
    .flatMap((job) => (job.static_configs ?? []).flatMap((config) => config.targets ?? []))
    .map((target) => String(target).split(':')[0]);
  // Paths in the configuration are relative to its own place.
  const rules = (value.rule_files ?? []).map((path) => join(dirname(file), path));
  const missing = rules.filter((path) => !exists(path));
  refuse([
    ...(jobs.length === 0 ? [`${file}: scrapes nothing`] : []),
    ...names
      .filter((name, index) => names.indexOf(name) !== index)
      .map((name) => `${file}: job ${name} is there twice`),
    ...jobs.flatMap((job) => targetProblems(job, services)).map((problem) => `${file}: ${problem}`),
    ...(options.services === undefined
      ? []
      : services
          .filter((service) => !scraped.includes(service))
          .map((service) => `${file}: does not scrape ${service}`)),
    ...(rules.length === 0
      ? [`${file}: names no rule file`]
      : missing.map((path) => `${path}: does not exist, but ${file} names it`)),
    ...rules.filter((path) => !missing.includes(path)).flatMap(ruleProblems),
  ]);
  return `${file}: ${jobs.length} jobs, ${rules.length} rule file(s)`;
}

function datasourceProblems(file, source, services) {
  const host = /^(?:https?:\/\/)?([^:/]+)/.exec(source.url ?? '')?.[1];
  return [
    ...['name', 'type', 'uid', 'url']
      .filter((key) => typeof source[key] !== 'string')
      .map((key) => `${file}: data source ${source.name ?? '?'} has no ${key}`),
    ...(host === undefined || services.includes(host)
      ? []
      : [`${file}: data source ${source.name} leads to ${host}, which is no service of the platform`]),
  ];
}

function dashboardProblems(file, uids) {
  const dashboard = readJson(file);
  const panels = dashboard.panels ?? [];
  const ids = panels.map((panel) => panel.id);
  return [
    ...['uid', 'title']
      .filter((key) => typeof dashboard[key] !== 'string' || dashboard[key] === '')
      .map((key) => `has no ${key}`),
    ...(panels.length === 0 ? ['has no panel'] : []),
    ...ids
      .filter((id, index) => !Number.isInteger(id) || ids.indexOf(id) !== index)
      .map((id) => `panel id ${id} is none or not its own`),
    ...panels.flatMap((panel) => [
      ...(uids.includes(panel.datasource?.uid)
        ? []
        : [`panel ${panel.title}: data source ${panel.datasource?.uid} is not provisioned`]),
      ...((panel.targets ?? []).some((target) => typeof target.expr === 'string' && target.expr !== '')
        ? []
        : [`panel ${panel.title}: has no query`]),
    ]),
  ].map((problem) => `${file}: ${problem}`);
}

function grafana(directory, options) {
  const services = servicesOf(options);
  const files = listFiles(directory).map((name) => join(directory, name));
  const sources = files
    .filter((file) => /datasources\/[^/]+\.ya?ml$/.test(file))
    .flatMap((file) => (readYaml(file).datasources ?? []).map((source) => ({ file, source })));
  const dashboards = files.filter((file) => /dashboards\/.*\.json$/.test(file));
  const uids = sources.map(({ source }) => source.uid);
  refuse([
    ...(sources.length === 0 ? [`${directory}: provisions no data source`] : []),
    ...uids
      .filter((uid, index) => uids.indexOf(uid) !== index)
      .map((uid) => `${directory}: two data sources have the uid ${uid}`),
    ...sources.flatMap(({ file, source }) => datasourceProblems(file, source, services)),
    ...(dashboards.length === 0
      ? [`${directory}: holds no dashboard`]
      : dashboards.flatMap((file) => dashboardProblems(file, uids))),
    ...(files.some((file) => /dashboards\/[^/]+\.ya?ml$/.test(file) && Array.isArray(readYaml(file).providers))
      ? []
      : [`${directory}: no provider loads the dashboards`]),
  ]);
  return `${directory}: ${sources.length} data sources, ${dashboards.length} dashboard(s)`;
}

const COMMANDS = { prometheus, grafana };

await runTool(USAGE, ([command, ...rest]) => {
  const run = COMMANDS[command];
  if (run === undefined) throw new UsageError(`unknown command: ${command ?? '(none)'}`);
  const {
    options,
    positionals: [path],
  } = readArguments(rest, { services: 'strings', compose: 'string' }, { positionals: [1, 1] });
  return run(path, options);
});
