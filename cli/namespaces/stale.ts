import { existsSync, readdirSync } from 'node:fs';
import type { Echo } from './echo.js';
import { removeNamespace } from './namespace.js';

const directory = '/run/netns';

/** Removes the namespaces of programs that were killed before they could do so; their names carry the pid. */
export function removeStaleNamespaces(echo: Echo): void {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory)) {
    const pid = /^toa-(\d+)-/.exec(name)?.[1];
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    try {
      removeNamespace(name, echo);
    } catch (error) {
      // Another program may be doing the same right now.
      echo(`[!] ${name}: ${error instanceof Error ? error.message : error}`);
    }
  }
}
