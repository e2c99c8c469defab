import type { Case } from '../guest/guest.js';
import { familyCases } from './families.js';
import { formatCases } from './formats.js';
import { handshakeCases } from './handshakes.js';
import { interfaceCases } from './interfaces.js';
import { lifetimeCases } from './lifetimes.js';
import { trustCases } from './trust.js';

/** All cases, in the order in which they run. */
export const cases: readonly Case[] = [
  ...formatCases,
  ...familyCases,
  ...handshakeCases,
  ...trustCases,
  ...interfaceCases,
  ...lifetimeCases,
];
