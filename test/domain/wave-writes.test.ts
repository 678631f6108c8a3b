import type { PlanTask, WrittenBeside } from '../../src/domain/events.js';
import { byteLength, SIZES } from '../../src/domain/sizes.js';
import { WRITES_NOTHING, type PlaybookWrites } from '../../src/domain/wave-writes.js';
import { claimed, given, opened, planOf, planTask, requested } from './support/mission-log.js';

const PLAYBOOKS: Readonly<Record<string, PlaybookWrites>> = {
  encrypt: {
    acceptance: [{ name: 'it decrypts', command: 'sh secrets/restore.sh secrets/env.cms' }],
    changes: ['secrets/openbao.json', 'elsewhere'],
  },
};

/** `beside` of each task's assignment, in order; all are in one wave. */
function besideOf(...tasks: readonly Partial<PlanTask>[]): readonly (WrittenBeside | null)[] {
  const [wave, ...others] = planOf([['env_agent'], ['cert_agent']]).waves;
  if (wave === undefined) throw new TypeError('a plan has waves');
  const named = tasks.map((task, at) => planTask('env_agent', 1, { task_id: `t${at}`, ...task }));
  const plan = { ...planOf([]), waves: [{ ...wave, tasks: named }, ...others] };
  const log = given(claimed(), opened(), requested({ plan }));
  const decisions = log.settle({ playbookWrites: (_, playbook) => PLAYBOOKS[playbook] ?? WRITES_NOTHING });
  return decisions.flatMap((decision) => (decision.event_type === 'task_assigned' ? [decision.payload.beside] : []));
}
const check = (command: string) => ({ acceptance: [{ name: command, command }] });

describe('an assignment says what the other tasks of its wave write', () => {
  test('as far as it is in what the task protects', () => {
    const [scan] = besideOf(
      check('scan secrets'),
      { changes: ['secrets/notes', 'src'] },
      check('test -f secrets/new.txt && test -f src/new.txt'),
    );
    expect(scan).toEqual({ tasks: 2, changes: ['secrets/notes'], creates: ['secrets/new.txt'] });
  });

  test('of their playbooks too, each once', () => {
    const [scan] = besideOf(check('scan secrets'), { playbook: 'encrypt' }, { playbook: 'encrypt' });
    expect(scan).toEqual({
      tasks: 2,
      changes: ['secrets/openbao.json'],
      creates: ['secrets/env.cms', 'secrets/restore.sh'],
    });
  });

  test('what is to change above a protected path counts, what another check names above or at it does not', () => {
    const [lint] = besideOf(
      check('lint src/app/main.js'),
      { changes: ['src', 'src/app/main.js'] },
      check('ls src/app'),
    );
    expect(lint).toEqual({ tasks: 2, changes: ['src', 'src/app/main.js'], creates: [] });
  });

  test('all of the workspace may be to change', () => {
    const [lint] = besideOf(check('lint src/main.js'), { changes: [''] });
    expect(lint).toEqual({ tasks: 1, changes: [''], creates: [] });
  });

  test('the directory of a pattern counts', () => {
    const [all] = besideOf(check('lint conf/*.yml'), { changes: ['conf/a.yml', 'other/a.yml'] });
    expect(all).toEqual({ tasks: 1, changes: ['conf/a.yml'], creates: [] });
  });

  test('not for a task that is alone in its wave, or that protects nothing', () => {
    expect(besideOf(check('scan secrets'))).toEqual([null]);
    expect(besideOf({}, { changes: ['secrets'] })).toEqual([null, null]);
  });

  test('whatever is new in the directory, where its paths are too many for a record', () => {
    const many = Array.from({ length: 400 }, (_, at) => check(`grep -q x out/a-rather-long-name-${at}.txt`));
    const [all] = besideOf(check('scan out && test -f few/b'), ...many, check('test -f few/b/c'));
    expect(all?.tasks).toBe(401);
    expect(all?.creates).toEqual(['few/b/c', 'out/']);
    expect(byteLength(JSON.stringify(all))).toBeLessThan(SIZES.beside);
  });

  test('of itself only, in a wave of 1,000 tasks with a file each', () => {
    const tasks = Array.from({ length: 1_000 }, (_, at) => ({ ...check(`test -s out/${at}`), changes: [`out/${at}`] }));
    const all = besideOf(...tasks);
    expect(all).toHaveLength(1_000);
    expect(all[999]).toEqual({ tasks: 999, changes: ['out/999'], creates: [] });
  });
});
