// A process that polls a named pipe: what becomes of it is seen from outside.
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { native } from '../../../lib/native.js';
import { Fifo } from '../../support/fifo.js';

const [how] = process.argv.slice(2);
const fifo = new Fifo();
// The process may be killed, and needs the name no more.
rmSync(dirname(fifo.path), { recursive: true });
let left = 2;

const poll = new (native()!.Poll)(fifo.fd, () => {
  if (how === 'throw') throw new Error('thrown by the callback');
  process.stdout.write('callback ');
  process.nextTick(() => process.stdout.write('tick '));
  Promise.resolve().then(() => process.stdout.write('promise '));
  left -= 1;
  if (left === 0) poll.close();
});
poll.start();
if (how === 'unref') poll.unref();
if (how === 'throw' || how === 'ticks') fifo.write();
