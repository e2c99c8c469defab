import { Command } from 'commander';
import { carryOut } from '../module/carry-out.js';
import { explainLoad, planLoad } from '../module/load.js';
import { readSettings } from '../module/settings.js';
import { System } from '../module/system.js';
import { planUnload } from '../module/unload.js';
import { say } from '../output/streams.js';

interface LoadOptions {
  kernel: string;
  root: string;
  dryRun?: boolean;
}

/** `toa module load`: with its settings; a module that is loaded takes them again. */
export function moduleLoadCommand(): Command {
  return new Command('load')
    .description('load the module with its settings, or have it read them again')
    .action(({ kernel, root, dryRun }: LoadOptions) => {
      const system = new System(root);
      carryOut(planLoad(system, kernel), dryRun, explainLoad(system));
      if (readSettings(system) === undefined)
        say('nobody is trusted yet: toa module install --trusted <cidrs>');
    });
}

/** `toa module unload`: open connections go on, and show the balancer as their peer again. */
export function moduleUnloadCommand(): Command {
  return new Command('unload')
    .description('unload the module; open connections go on, their peer is the balancer again')
    .action(({ root, dryRun }: LoadOptions) => {
      const plan = planUnload(new System(root));
      carryOut(plan, dryRun);
      if (plan.length === 0) say('the module is not loaded: nothing to do');
    });
}
