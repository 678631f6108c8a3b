import { wrongMountPath } from '../../src/domain/sandbox-paths.js';

test.each(['/srv', '/srv/data', '/home/me/data', '/data/..x', '/tmp/shared', '/var/lib/app', '/optional', '/libs/a b'])(
  'an agent can name the mount %s',
  (path) => {
    expect(wrongMountPath(path)).toBeNull();
  },
);

test.each([
  ['data', 'must be absolute'],
  ['./data', 'must be absolute'],
  ['~/data', 'must be absolute'],
  ['/', 'without . and ..'],
  ['/srv/', 'without . and ..'],
  ['//srv', 'without . and ..'],
  ['/srv/../etc', 'without . and ..'],
  ['/srv/./a', 'without . and ..'],
  ['/srv/a\nb', 'control characters'],
  ['/workspace', 'the sandbox has its own /workspace'],
  ['/workspace/a', 'the sandbox has its own /workspace'],
  ['/etc/ssl/private', 'the sandbox has its own /etc'],
  ['/usr/share', 'the sandbox has its own /usr'],
  ['/proc/1', 'the sandbox has its own /proc'],
  ['/sys', 'the sandbox has its own /sys'],
  ['/dev/sda', 'the sandbox has its own /dev'],
  ['/run/docker.sock', 'the sandbox has its own /run'],
  ['/var/run/docker.sock', 'the sandbox has its own /var/run'],
  ['/run/secrets/X', 'the sandbox has its own /run'],
  ['/keys', 'the sandbox has its own /keys'],
  ['/opt/node/bin', 'the sandbox has its own /opt/node'],
  ['/tmp', 'it would hide /tmp'],
  ['/opt', 'it would hide /opt/node'],
  ['/var', 'it would hide /var/run'],
])('an agent cannot name the mount %j', (path, why) => {
  expect(wrongMountPath(path)).toContain(why);
});
