import { Command } from 'commander';
import { carryOut, type Manner } from '../module/carry-out.js';
import { planRemove } from '../module/remove.js';
import { System } from '../module/system.js';
import { addManual } from '../output/manual.js';
import { say } from '../output/streams.js';

/** `toa module remove`: as if it had never been installed. */
export function moduleRemoveCommand(): Command {
  const command = new Command('remove')
    .description('unload the module and remove it, all versions for all kernels, and its settings')
    .action(async ({ root, ...manner }: { root: string } & Manner) => {
      const plan = await planRemove(new System(root));
      await carryOut('remove', plan, manner);
      if (plan.length === 0) say('the module is not installed: nothing to do');
    });
  return addManual(command, { examples: ['sudo toa module remove', 'toa module remove --dry-run'] });
}
