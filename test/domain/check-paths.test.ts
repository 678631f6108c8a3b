import { pathsNamedBy } from '../../src/domain/check-paths.js';

const named = (command: string) => pathsNamedBy([command]).map(({ path }) => path);

describe('the paths that a check names', () => {
  test.each<[string, readonly string[]]>([
    ['node --test test/sum.test.mjs', ['test/sum.test.mjs']],
    ['node "test/a b.mjs"', ['test/a b.mjs']],
    ['./verify.sh', ['verify.sh']],
    ['sh verify.sh', ['verify.sh']],
    ['sh ./tests/run.sh < input.txt', ['input.txt', 'tests/run.sh']],
    ['sh "$WORKSPACE"/verify.sh', ['verify.sh']],
    ['sh ${WORKSPACE}/verify.sh', ['verify.sh']],
    ['sh /workspace/verify.sh', ['verify.sh']],
    ['diff expected.txt out.txt', ['expected.txt', 'out.txt']],
    ['test "$(cat out.txt)" = done', ['out.txt']],
    ['test `cat out.txt` = done', ['out.txt']],
    ['cd app && node --test test/a.mjs', ['app/test/a.mjs']],
    ['(cd app && sh check.sh) && sh check.sh', ['app/check.sh', 'check.sh']],
    ['cd "$TOOLBOX" && node certs.mjs', []],
    ['cd app/.. && sh check.sh', ['check.sh']],
    ['certs.mjs certs/ca.crt:certs/ca.key', ['certs/ca.crt:certs/ca.key', 'certs/ca.crt', 'certs/ca.key']],
    ['eslint --config=conf/eslint.json src', ['conf/eslint.json', 'src']],
    ['CONFIG=conf/a.json node check.mjs', ['conf/a.json', 'check.mjs']],
    ['env CONFIG=conf/a.json node check.mjs', ['conf/a.json', 'check.mjs']],
    ['timeout 5s sh check.sh', ['check.sh']],
    ["sh -c 'node check.mjs'", ['check.mjs']],
    ['cat a.txt | grep -q pattern b.txt', ['a.txt', 'b.txt']],
    ['grep -q pattern', []],
    ['grep -e pattern a.txt', ['pattern', 'a.txt']],
    ['jq -e .name package.json', ['package.json']],
    ['npm test', []],
    ['npm run build', []],
    ['npm --prefix app test', []],
    ['make -C app test', []],
    ['cargo test', []],
    ['npx jest tests', ['tests']],
    ['pytest tests', ['tests']],
    ['node --test "test/*.test.mjs"', ['test/*.test.mjs']],
    ['find src -name "*.js"', ['src']],
    ['echo out.txt > /tmp/x', []],
    ['ls .', []],
    ['ls "$WORKSPACE"', []],
    ['cat ../outside /etc/passwd ~/x', []],
    ['node "$TOOLBOX"/certs.mjs --cert certs/server.crt', ['certs/server.crt']],
    ['if test -f a.txt; then sh b.sh; fi', ['a.txt', 'b.sh']],
    ['for f in a.txt b.txt; do cat "$f"; done', ['in', 'a.txt', 'b.txt']],
    ['[ a.txt -nt b.txt ]', ['a.txt', 'b.txt']],
    ['[ "$x" = done ]', []],
    ['node -e "require(\'./a\')"', ['a', 'a.js', 'a.mjs', 'a.cjs', 'a.json']],
    ["node -e \"require('node:fs').readFileSync('want.txt')\"", ['node:fs', 'node', 'fs', 'want.txt']],
    ['python3 -c "json.load(open(\'expected.json\'))"', ['expected.json']],
    ['python3 -c "open(\'unfinished.txt)"', []],
    ['bash -c "diff <(sort out.txt) expected.txt"', ['out.txt', 'expected.txt']],
    ['diff -u <(node app.js) want.json', ['app.js', 'want.json']],
    ['tee >(sort > out.txt) < in.txt', ['in.txt']],
    ["bash -c 'cmp {out,expected}.txt'", ['out.txt', 'expected.txt']],
    ['cat {a,b{1..3}}.txt', ['a.txt', 'b1.txt', 'b2.txt', 'b3.txt']],
    ['cat "{a,b}.txt" {a}.txt {}', []],
    ['yarn jest tests', ['tests']],
    ['yarn run test tests', ['tests']],
    ['bun test tests', ['tests']],
    ['bun run check', []],
    ['pnpm vitest test', ['test']],
    ['npm run test:unit', []],
    ['make check TESTS=tests', ['TESTS=tests', 'tests']],
    [
      'python3 -m unittest tests.test_app',
      ['unittest.py', 'tests.py', 'tests/test_app.py', 'tests/test_app', 'unittest', 'tests.test_app'],
    ],
    ['python3 -m pytest tests', ['pytest.py', 'pytest', 'tests']],
    ['curl -d @expected.json', ['@expected.json', 'expected.json']],
    ['curl --data-binary=@want.json -d@want.json', ['@want.json', 'want.json']],
    ['curl -F f=@want.json', ['f=@want.json', '@want.json', 'want.json']],
    ['sqlite3 a.db ".read check.sql"', ['a.db', '.read check.sql', 'check.sql']],
    ["psql -c '\\i check.sql'", ['\\i check.sql', 'check.sql']],
    ['grep -fwant.txt out.txt', ['want.txt', 'out.txt']],
    ['diff out "exp/$f"', ['out', 'exp/*']],
    ['diff "out/$(basename $f).txt" "$DIR/a" $f', ['out/*.txt']],
    ['xargs -a list.txt node', ['list.txt']],
    ['xargs --arg-file=list.txt node check.mjs', ['list.txt', 'check.mjs']],
    ['docker compose config -q', []],
    ['docker compose build web', []],
    ['docker compose up -d web', []],
    ['docker compose exec -T web ls', []],
    ['npm run -s build', []],
    ['make -j4 test', []],
    ['yarn workspace web test', []],
    ['yarn -s jest tests', ['tests']],
    ['gcc -I./include -L./lib -o app app.c', ['app', 'app.c']],
    ['make -C./app test', []],
    ['bash -e verify.sh', ['verify.sh']],
    ['sh -ec "sh verify.sh"', ['verify.sh']],
    ['python3 -m app.cli --version', ['app.py', 'app/cli.py', 'app.cli']],
    ['cat {1..1000}{1..1000}.txt', []],
    ['docker compose -f deploy/compose.yaml config', ['deploy/compose.yaml']],
    ['podman compose build', []],
    ['docker-compose config', []],
    ['docker build app', ['app']],
    ['sort <<EOF | diff - out.txt\nbody.txt\nEOF', ['out.txt']],
    ['# node check.mjs', []],
    [`node check.mjs 'doc.ui === true' 'docs[0].port > 1' '{"a":1}'`, ['check.mjs']],
  ])('%j', (command, expected) => {
    expect(named(command)).toEqual(expected);
  });

  test('a file that test asks for counts, a directory does not', () => {
    expect(pathsNamedBy(['test -d src && test -f src/a.js'])).toEqual([
      { path: 'src', isPattern: false, isFileOnly: true },
      { path: 'src/a.js', isPattern: false, isFileOnly: true },
    ]);
    expect(pathsNamedBy(['test -d src', 'ls src'])).toEqual([{ path: 'src', isPattern: false, isFileOnly: false }]);
  });

  test('a path with a variable in it is a guess, unless the command names the same path', () => {
    const path = { path: 'exp/*', isPattern: true, isFileOnly: false };
    expect(pathsNamedBy(['cat exp/$f'])).toEqual([{ ...path, isGuess: true }]);
    for (const both of [
      ['cat exp/$f', 'cat exp/*'],
      ['cat exp/*', 'cat exp/$f'],
    ])
      expect(pathsNamedBy(both)).toEqual([path]);
  });

  test('none is left out, however many there are', () => {
    expect(named(Array.from({ length: 5_000 }, (_, n) => `cat f${n}`).join(';'))).toHaveLength(5_000);
  });
});

test('a text in quotes of code and the value behind an option mean a file, and no directory', () => {
  const kinds = (command: string) => pathsNamedBy([command]).map(({ path, isFileOnly }) => [path, isFileOnly]);
  expect(kinds('python3 -c "import sys; sys.path.insert(0, \'src\')"')).toEqual([['src', true]]);
  expect(kinds('grep -f./want x.txt')).toEqual([
    ['want', true],
    ['x.txt', false],
  ]);
});

test.each([
  ['programs that run one another', 'env '.repeat(25_000)],
  ['words with many braces', 'cat {1..1000}{1..1000} '.repeat(4_000)],
  ['braces that do not end', `cat ${'{,,,'.repeat(1_000)} `.repeat(20)],
])('%s name no more than a person would write', (_, command) => {
  expect(pathsNamedBy([command]).length).toBeLessThanOrEqual(5_000);
});
