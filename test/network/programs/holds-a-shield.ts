// Shields the interfaces, separated by commas, from what a JSON text says, until SIGTERM; prints the table's name, or the refusal.

import { Shield } from '../../../lib/daemon/shield.js';
import type { Shielded } from '../../../lib/daemon/shielded.js';

const [interfaces = '', shielded = ''] = process.argv.slice(2);
try {
  const shield = new Shield(interfaces.split(','), JSON.parse(shielded) as Shielded);
  console.log(`shield ${shield.table}`);
  const timer = setInterval(() => {}, 1000);
  process.once('SIGTERM', () => {
    clearInterval(timer);
    shield.remove();
  });
} catch (error) {
  console.log(`refused ${(error as Error).message}`);
}
