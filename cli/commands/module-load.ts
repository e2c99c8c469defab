import { Command } from 'commander';
import { carryOut, type Manner } from '../module/carry-out.js';
import { explainLoad, planLoad } from '../module/load.js';
import { readSettings } from '../module/settings.js';
import { System } from '../module/system.js';
import { planUnload } from '../module/unload.js';
import { addManual } from '../output/manual.js';
import { say } from '../output/streams.js';

interface LoadOptions extends Manner {
  kernel: string;
  root: string;
}

/** `toa module load`: with its settings; a module that is loaded takes them again. */
export function moduleLoadCommand(): Command {
  const command = new Command('load')
    .description('load the module with its settings, or have it read them again')
    .action(async ({ kernel, root, ...manner }: LoadOptions) => {
      const system = new System(root);
      await carryOut('load', planLoad(system, kernel), manner, explainLoad(system));
      if (readSettings(system) === undefined)
        say('nobody is trusted yet: toa module install --trusted <cidrs>');
    });
  return addManual(command, { examples: ['sudo toa module load', 'toa module load --dry-run'] });
}

/** `toa module unload`: open connections go on, and show the balancer as their peer again. */
export function moduleUnloadCommand(): Command {
  const command = new Command('unload')
    .description('unload the module; open connections go on, their peer is the balancer again')
    .action(async ({ root, ...manner }: LoadOptions) => {
      const plan = planUnload(new System(root));
      await carryOut('unload', plan, manner);
      if (plan.length === 0) say('the module is not loaded: nothing to do');
    });
  return addManual(command, { examples: ['sudo toa module unload'] });
}
