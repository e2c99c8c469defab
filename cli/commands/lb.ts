import { Command } from 'commander';
import { lbRunCommand } from './lb-run.js';

/** `toa lb`: the balancer. */
export function lbCommand(): Command {
  return new Command('lb').description('the balancer').addCommand(lbRunCommand());
}
