import { readLoaded } from '../../module/loaded.js';
import { readSettings, settingsFile } from '../../module/settings.js';
import { type Check, failure, ok, warning } from '../check.js';

/** Whom the module believes, now and after the next boot. */
export const trust: Check = {
  name: 'trust',
  run: ({ system }) => {
    const { ours } = readLoaded(system);
    if (ours === undefined) return ok('the module is not loaded; attach() is told by its program');
    if (ours.trusted === '') {
      return failure(
        'the module believes nobody: every peer is shown as it is',
        "sudo toa module install --trusted <the balancers' addresses>",
      );
    }
    if (/(^|,)\s*[\d.:a-f]+\/0\b/.test(ours.trusted)) {
      return warning(
        `the module believes everybody (${ours.trusted}): any client can forge its address`,
        "sudo toa module install --trusted <the balancers' addresses>",
      );
    }
    if (readSettings(system) === undefined) {
      return warning(
        `${ours.trusted}, but nobody after the next boot: ${settingsFile} names none`,
        `sudo toa module install --trusted ${ours.trusted}`,
      );
    }
    return ok(ours.trusted);
  },
};
