import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { build } from '../../scripts/steps/build.mjs';
import { root } from '../../scripts/steps/run.mjs';
import { startTestBroker } from '../support/start-broker.mjs';
import { findBaseImage } from './base-image.mjs';
import { findEngine, Missing } from './engine.mjs';
import { expect } from './expect.mjs';
import { createSwarm, MISSION, STOP_GRACE_SECONDS } from './swarm.mjs';

/** The user node of the image. */
const UID = '1000';
/** Says what does not work and what to do about it. */
const REFUSAL = /the sandbox cannot be .*systempaths=unconfined/s;

/**
 * Builds the image and checks what it promises. Each function that undoes something is added to cleanups, to be run in
 * reverse. step(name, work) runs one step; work may say what it found. given: run, runFreely (a runner that an
 * interruption does not end), signal, cleanups, step, say and options.
 */
export async function checkContainers(given) {
  const { runFreely, cleanups, step } = given;
  const id = `ravenhelm-test-${randomBytes(4).toString('hex')}`;
  const engine = await step('a container engine answers', async (found) => {
    const engine = await findEngine(given.run, given.options.engine);
    found([engine.title, ...engine.global].join(' '));
    return engine;
  });
  // Cleaning up uses the engine after an interruption too.
  const undo = (args) => runFreely(engine.name, [...engine.global, ...args]);
  const image = await findImage({ ...given, engine, undo, id });
  const broker = await step('a broker and a registry answer', async (found) => {
    const broker = await openBroker(cleanups);
    found(`${broker.brokers.join(',')}, ${broker.registryUrl}`);
    return broker;
  });
  const world = { ...given, engine, undo, image, broker };
  await checkSandboxed(world, createSwarm(world, { id: `${id}-sandboxed`, sandbox: true }));
  await checkRefusal(world, createSwarm(world, { id: `${id}-refused`, sandbox: false }));
}

/** Builds the image from the Dockerfile, or takes the given one; checks its HEALTHCHECK either way. */
async function findImage(given) {
  const { engine, undo, id, step, cleanups, options } = given;
  const image = options.image ?? `localhost/${id}`;
  if (options.image === null) {
    const workDir = await mkdtemp(join(tmpdir(), 'ravenhelm-container-'));
    cleanups.push(() => rm(workDir, { recursive: true, force: true }));
    const base = await step('the base image is here', async (found) => {
      const base = await findBaseImage({ ...given, workDir });
      found(base.origin);
      return base;
    });
    await step('the image builds', () => buildImage({ engine, undo, cleanups, image, base: base.image }));
  }
  await step('the image has its HEALTHCHECK', async (found) => {
    const health = (await engine.imageHealthcheck(image))?.join(' ') ?? 'none';
    expect(health === 'CMD node bin/health.js livez', 'the HEALTHCHECK', health);
    found(health);
  });
  return image;
}

/** A name of this run for the base image tells what an interrupted build leaves behind from what others build. */
async function buildImage({ engine, undo, cleanups, image, base }) {
  const from = `${image}-base`;
  cleanups.push(() => undo(['image', 'rm', from]));
  await engine.must(['tag', base, from]);
  cleanups.push(async () => {
    for (const id of await engine.leftByBuild(undo, from)) await undo(['rm', '--force', id]);
    await undo(['image', 'rm', '--force', image]);
  });
  await engine.build(['--tag', image, '--build-arg', `NODE_IMAGE=${from}`, root]);
}

/** The broker that the environment names, as for npm test, or a separate one for this run. */
async function openBroker(cleanups) {
  const { RAVENHELM_TEST_BROKERS: brokers, RAVENHELM_TEST_REGISTRY: registryUrl } = process.env;
  if (brokers && registryUrl) return { brokers: brokers.split(','), registryUrl };
  await build(); // the broker is started by the built code
  const broker = await startTestBroker();
  if (broker.kind === 'none') throw new Missing(`There is no broker: ${broker.reason}.`, broker.howToGetOne);
  cleanups.push(() => broker.stop());
  return broker;
}

/** A swarm whose workers have the options that the compose file gives: everything works. */
async function checkSandboxed({ step }, swarm) {
  const members = ['worker-1', 'worker-2', 'orchestrator'];
  const workers = members.filter((name) => name.startsWith('worker'));
  await step('init creates topics and registers schemas', () => swarm.init());
  await step('two workers and an orchestrator become healthy, and ready', async (found) => {
    for (const name of members) await swarm.start(name, '--role', name.split('-')[0]);
    for (const name of members) await swarm.healthy(name);
    for (const name of members) await swarm.ready(name);
    found(members.join(', '));
  });
  await step('none is root, has capabilities, or can write outside of /tmp and the workspaces', async (found) => {
    for (const name of members) expectConfined(name, await swarm.confinement(name));
    found('read-only root file system, no capabilities, no new privileges');
  });
  await step('both workers have bubblewrap', async (found) => {
    const lines = await Promise.all(workers.map((name) => swarm.sandboxLine(name)));
    for (const line of lines) expect(/^Sandbox: bubblewrap \d/.test(line), "a worker's line about its sandbox", line);
    found(lines.join(', '));
  });
  const report = await step(`${MISSION} completes, verified, with exit code 0`, async (found) => {
    const { exitCode, stdout, output } = await swarm.submit();
    expect(exitCode === 0, 'the exit code of submit --wait', `${exitCode}\n${output}`);
    const report = JSON.parse(stdout);
    const checks = expectVerified(report);
    found(`${report.tasks.length} tasks verified, ${checks} checks passed`);
    return report;
  });
  await step(`its commands ran as uid ${UID}`, async (found) => {
    const owners = await swarm.owners(report.workspace);
    expect(owners.length > 0 && owners.every(({ uid }) => uid === UID), 'who owns the files of the workspace', owners);
    found(`${owners.length} files and directories of the workspace belong to it`);
  });
  await step('each stops with exit code 0 within its grace', async (found) => {
    const seconds = [];
    for (const name of members) seconds.push((await swarm.stop(name)).toFixed(1));
    found(`${seconds.join(', ')} s of ${STOP_GRACE_SECONDS} s`);
  });
  await swarm.remove();
}

function expectConfined(name, { uid, bounding, effective, noNewPrivileges, writable }) {
  expect(uid === UID, `the user of ${name}`, uid);
  expect(/^0+$/.test(bounding) && /^0+$/.test(effective), `the capabilities of ${name}`, { bounding, effective });
  expect(noNewPrivileges === '1', `no_new_privs of ${name}`, noNewPrivileges);
  expect(writable === '/tmp /workspaces', `what ${name} can write`, writable);
}

/** Returns how many checks passed. */
function expectVerified({ status, tasks, success }) {
  expect(status === 'completed', 'the status of the mission', status);
  expect(tasks.length > 0 && tasks.every((task) => task.status === 'verified'), 'the tasks', tasks);
  expect(success.length > 0, 'the success checks', success);
  const checks = [...success, ...tasks.flatMap((task) => task.checks)];
  const failed = checks.filter(({ exit_code }) => exit_code !== 0);
  expect(failed.length === 0, 'the checks', failed);
  return checks.length;
}

/** A worker without the options says why it refuses commands, and nothing claims success. */
async function checkRefusal({ step }, swarm) {
  await step('without the security options a worker starts and says that it refuses commands', async (found) => {
    await swarm.init();
    await swarm.start('worker', '--role', 'worker');
    await swarm.start('orchestrator', '--role', 'orchestrator');
    await swarm.healthy('worker');
    const line = await swarm.sandboxLine('worker');
    expect(REFUSAL.test(line), "the worker's line about its sandbox", line);
    found(`${line.slice(0, 140)}…`);
  });
  await step(`${MISSION} fails there with exit code 1 and claims nothing`, async (found) => {
    await swarm.ready('orchestrator');
    await swarm.ready('worker');
    const { exitCode, stdout, output } = await swarm.submit();
    expect(exitCode === 1, 'the exit code of submit --wait', `${exitCode}\n${output}`);
    const { status, reason, tasks } = JSON.parse(stdout);
    expect(status === 'failed', 'the status of the mission', status);
    const claims = tasks.filter((task) => ['verified', 'unverified'].includes(task.status));
    expect(claims.length === 0, 'tasks that claim success', claims);
    expect(REFUSAL.test(reason), 'the reason in the report', reason);
    found(`status ${status}; ${tasks.map((task) => `${task.agent} ${task.status}`).join(', ')}`);
  });
  await swarm.remove();
}
