import type { Case } from '../guest/guest.js';
import { familyCases } from './families.js';
import { formatCases } from './formats.js';
import { handshakeCases } from './handshakes.js';

/** All cases, in the order in which they run. */
export const cases: readonly Case[] = [...formatCases, ...familyCases, ...handshakeCases];
