import { readLoaded } from '../../module/loaded.js';
import { type Check, failure, ok } from '../check.js';

/** Receivers of others: they take the same socket options, and some of them crash kernels. */
export const otherModules: Check = {
  name: 'other modules',
  run: ({ system }) => {
    const { others } = readLoaded(system);
    return others.length === 0
      ? ok('none of this kind')
      : failure(`${others.join(', ')}: of this kind, by somebody else`, `sudo rmmod ${others.join(' ')}`);
  },
};
