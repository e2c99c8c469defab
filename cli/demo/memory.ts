import type { DemoRow } from './rows.js';

export function demoOverMemory(): DemoRow[] {
  return [];
}
