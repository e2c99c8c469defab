// Shields the interfaces from the addresses, both separated by commas, until SIGTERM; prints the table's name, or the refusal.

import { Shield } from '../../../lib/daemon/shield.js';

const [interfaces = '', addresses = ''] = process.argv.slice(2);
try {
  const shield = new Shield(interfaces.split(','), addresses.split(','));
  console.log(`shield ${shield.table}`);
  const timer = setInterval(() => {}, 1000);
  process.once('SIGTERM', () => {
    clearInterval(timer);
    shield.remove();
  });
} catch (error) {
  console.log(`refused ${(error as Error).message}`);
}
