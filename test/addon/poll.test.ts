import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { builtAddon, type NativeAddon, native } from '../../lib/native.js';
import { Fifo } from '../support/fifo.js';

const { Poll } = native()!;
const { errno } = constants;
const program = (name: string) => fileURLToPath(new URL(`programs/${name}.js`, import.meta.url));

test('a poll calls back while there is something to read, and not after that', async () => {
  using fifo = new Fifo();
  const heard: string[] = [];
  const poll = new Poll(fifo.fd, () => heard.push(fifo.read()));
  assert.equal(poll.start(), 0);
  fifo.write('one');
  while (heard.length < 1) await setImmediate();
  fifo.write('two');
  while (heard.length < 2) await setImmediate();
  for (let i = 0; i < 10; i++) await setImmediate();
  assert.deepEqual(heard, ['one', 'two']);
  poll.close();
});

test('a stopped poll is silent until it is started again', async () => {
  using fifo = new Fifo();
  let calls = 0;
  const poll = new Poll(fifo.fd, () => {
    calls += 1;
    fifo.read();
  });
  poll.start();
  poll.stop();
  fifo.write();
  for (let i = 0; i < 10; i++) await setImmediate();
  assert.equal(calls, 0);
  poll.start();
  while (calls === 0) await setImmediate();
  poll.close();
});

test('a poll may be closed inside its own callback, and closed and stopped again after that', async () => {
  using fifo = new Fifo();
  let calls = 0;
  const poll = new Poll(fifo.fd, () => {
    calls += 1;
    poll.close();
  });
  poll.start();
  fifo.write();
  while (calls === 0) await setImmediate();
  poll.close();
  assert.equal(poll.stop(), 0);
  for (let i = 0; i < 10; i++) await setImmediate();
  assert.equal(calls, 1);
  assert.equal(poll.start(), -errno.EBADF);
});

test('a file descriptor is polled once; another poll says so when it starts', () => {
  using fifo = new Fifo();
  const first = new Poll(fifo.fd, () => {});
  first.start();
  const second = new Poll(fifo.fd, () => {});
  assert.equal(second.start(), -errno.EEXIST);
  second.close();
  first.close();
});

test('what cannot be polled says so when it starts', () => {
  const file = openSync(fileURLToPath(import.meta.url), 'r');
  assert.equal(new Poll(file, () => {}).start(), -errno.EPERM);
  assert.equal(new Poll(1_000_000, () => {}).start(), -errno.EBADF);
});

test('a started poll that nobody refers to is not collected, a closed one is', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  using fifo = new Fifo();
  let calls = 0;
  const start = () => {
    const poll = new Poll(fifo.fd, () => {
      calls += 1;
      fifo.read();
      if (calls === 2) poll.close();
    });
    poll.start();
    return new WeakRef(poll);
  };
  const reference = start();
  for (const wanted of [1, 2]) {
    await setImmediate();
    collect();
    fifo.write();
    while (calls < wanted) await setImmediate();
  }
  const deadline = Date.now() + 10_000;
  while (reference.deref() !== undefined && Date.now() < deadline) {
    await setTimeout(1);
    collect();
  }
  assert.equal(reference.deref(), undefined);
});

test('a started poll keeps the process alive, an unreferenced one does not', () => {
  for (const [how, expected] of [
    ['ref', null],
    ['unref', 0],
  ] as const) {
    const { status } = spawnSync(process.execPath, [program('polls'), how], {
      timeout: how === 'ref' ? 500 : 10_000,
    });
    assert.equal(status, expected, how);
  }
});

test('what the callback throws is an uncaught exception, as with every other event', () => {
  const { status, stderr } = spawnSync(process.execPath, [program('polls'), 'throw'], { encoding: 'utf8' });
  assert.equal(status, 1);
  assert.match(stderr, /thrown by the callback/);
});

test('promises and ticks of a callback run before the next callback', () => {
  const { stdout } = spawnSync(process.execPath, [program('polls'), 'ticks'], { encoding: 'utf8' });
  assert.equal(stdout, 'callback tick promise callback tick promise ');
});

for (const end of ['terminate', 'terminate in the callback', 'exit', 'exit in the callback', 'throw']) {
  test(`a worker that ends while it polls (${end}) takes nothing with it`, async () => {
    for (let round = 0; round < 10; round++) {
      using fifo = new Fifo();
      const worker = new Worker(program('polling-worker'), { workerData: { path: fifo.path, end } });
      worker.on('error', () => {});
      const ended = new Promise((resolve) => worker.once('exit', resolve));
      await Promise.race([once(worker, 'message'), ended]);
      fifo.write();
      if (end === 'terminate in the callback') await once(worker, 'message');
      if (end.startsWith('terminate')) await worker.terminate();
      await ended;
    }
  });
}

test('a worker that is terminated at any moment while it starts takes nothing with it', async () => {
  using fifo = new Fifo();
  for (let milliseconds = 0; milliseconds < 60; milliseconds += 3) {
    const worker = new Worker(program('polling-worker'), { workerData: { path: fifo.path, end: 'answer' } });
    await setTimeout(milliseconds);
    await worker.terminate();
  }
});

test('several threads poll at the same time, each with its own instance', async () => {
  const rounds = 100;
  const fifos = Array.from({ length: 3 }, () => new Fifo());
  const workers = fifos.map(
    ({ path }) => new Worker(program('polling-worker'), { workerData: { path, end: 'answer' } }),
  );
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  for (let round = 0; round < rounds; round++) {
    const answers = workers.map((worker) => once(worker, 'message'));
    for (const fifo of fifos) fifo.write(String(round % 10));
    for (const [answer] of await Promise.all(answers)) assert.equal(answer, String(round % 10));
  }
  await Promise.all(workers.map((worker) => worker.terminate()));
  for (const fifo of fifos) fifo[Symbol.dispose]();
});

test('two copies of the addon work in one thread', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'toa-copy-'));
  const copy = join(folder, 'copy.node');
  copyFileSync(builtAddon, copy);
  const second: NativeAddon = createRequire(import.meta.url)(copy);
  assert.notEqual(second, native());
  using one = new Fifo();
  using two = new Fifo();
  const heard: string[] = [];
  const polls = [
    new Poll(one.fd, () => heard.push(one.read())),
    new second.Poll(two.fd, () => heard.push(two.read())),
  ];
  for (const poll of polls) assert.equal(poll.start(), 0);
  one.write('1');
  two.write('2');
  while (heard.length < 2) await setImmediate();
  assert.deepEqual(heard.sort(), ['1', '2']);
  for (const poll of polls) poll.close();
  rmSync(folder, { recursive: true });
});
