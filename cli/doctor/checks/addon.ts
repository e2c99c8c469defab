import { support } from '../../../lib/receiver/support.js';
import { type Check, failure, ok } from '../check.js';

/** Whether the receiver for Node.js servers works in a process like this. */
export const addon: Check = {
  name: 'addon',
  run: () => {
    const answer = support();
    return answer.supported
      ? ok('loads: Node servers learn of their clients')
      : failure(answer.reason, answer.hint);
  },
};
