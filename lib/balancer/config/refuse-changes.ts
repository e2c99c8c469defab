import type { Fault } from './faults.js';
import { Faults } from './faults.js';
import type { ResolvedConfig } from './model.js';

/** What a running balancer cannot take over: its links are open, its table is allocated, its lists have their order. */
export function refuseChanges(running: ResolvedConfig, next: ResolvedConfig): readonly Fault[] {
  const faults = new Faults();
  if (JSON.stringify(running.links) !== JSON.stringify(next.links)) {
    faults.add('links', next.links, `the links that it runs on: ${JSON.stringify(running.links)}`);
  }
  for (const name of ['maxConnections', 'profile'] as const) {
    if (running.settings[name] === next.settings[name]) continue;
    faults.add(`settings.${name}`, next.settings[name], `${running.settings[name]}, as it runs with`);
  }
  return faults.list;
}
