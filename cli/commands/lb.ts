import { Command } from 'commander';
import { addManual } from '../output/manual.js';
import { lbRunCommand } from './lb-run.js';

/** `toa lb`: the balancer. */
export function lbCommand(): Command {
  const command = new Command('lb').description('the balancer').addCommand(lbRunCommand());
  return addManual(command, { examples: ['toa lb run -c lb.json --check'] });
}
