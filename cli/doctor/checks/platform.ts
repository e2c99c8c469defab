import { type Check, failure, ok } from '../check.js';

/** TOA is received by Linux only. */
export const platform: Check = {
  name: 'platform',
  run: () =>
    process.platform === 'linux'
      ? ok(`Linux, ${process.arch}`)
      : failure(`${process.platform}: toakit works on Linux`, 'run the servers on Linux'),
};
