// A worker that polls a named pipe and ends, or answers, when something comes.

import { readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { native } from '../../../lib/native.js';
import { openFifo } from '../../support/fifo.js';

const { path, end } = workerData as { path: string; end: string };
const fd = openFifo(path);

const poll = new (native()!.Poll)(fd, () => {
  if (end === 'answer') {
    const buffer = Buffer.alloc(1);
    readSync(fd, buffer);
    parentPort!.postMessage(buffer.toString());
  }
  if (end === 'exit in the callback') process.exit();
  if (end === 'throw') throw new Error('thrown by the callback');
  if (end === 'terminate in the callback') {
    parentPort!.postMessage('called');
    for (;;);
  }
});
poll.start();
parentPort!.postMessage('polling');
if (end === 'exit') process.exit();
