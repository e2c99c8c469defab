import { Command } from 'commander';
import { carryOut } from '../module/carry-out.js';
import { planRemove } from '../module/remove.js';
import { System } from '../module/system.js';
import { say } from '../output/streams.js';

/** `toa module remove`: as if it had never been installed. */
export function moduleRemoveCommand(): Command {
  return new Command('remove')
    .description('unload the module and remove it, all versions for all kernels, and its settings')
    .action(({ root, dryRun }: { root: string; dryRun?: boolean }) => {
      const plan = planRemove(new System(root));
      carryOut(plan, dryRun);
      if (plan.length === 0) say('the module is not installed: nothing to do');
    });
}
