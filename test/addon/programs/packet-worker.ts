// A worker that sends back, on the interface it is given, whatever comes with a certain first byte.
import { parentPort, workerData } from 'node:worker_threads';
import { Tap } from '../../support/tap.js';

const { device, mark } = workerData as { device: string; mark: number };
const tap = new Tap(device);

const poll = new tap.addon.Poll(tap.fd, () => {
  for (const frame of tap.receive()) {
    if ('lost' in frame || frame.bytes[14] !== mark) continue;
    const answer = frame.bytes.slice();
    answer[15]! += 1;
    tap.send([answer]);
  }
});
poll.start();
parentPort!.postMessage('ready');
