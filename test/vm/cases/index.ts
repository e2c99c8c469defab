import type { Case } from '../guest/guest.js';
import type { OutsideCase } from '../outside.js';
import { commandLineCases } from './command-line.js';
import { doctorCases } from './doctor.js';
import { familyCases } from './families.js';
import { formatCases } from './formats.js';
import { handshakeCases } from './handshakes.js';
import { interfaceCases } from './interfaces.js';
import { ipvsCases } from './ipvs.js';
import { lifetimeCases } from './lifetimes.js';
import { loadCases } from './load.js';
import { neighborCases } from './neighbors.js';
import { probeCases } from './probe.js';
import { programCases } from './programs.js';
import { rivalCases } from './rivals.js';
import { topologyCases } from './topology.js';
import { trustCases } from './trust.js';
import { tunnelCases } from './tunnels.js';
import { verifyCases } from './verify.js';
import { vlanCases } from './vlan.js';

/** All cases that run in guests, in the order in which they run. */
export const cases: readonly Case[] = [
  ...formatCases,
  ...familyCases,
  ...handshakeCases,
  ...trustCases,
  ...interfaceCases,
  ...lifetimeCases,
  ...neighborCases,
  ...rivalCases,
  ...programCases,
  ...commandLineCases,
  ...doctorCases,
  ...probeCases,
  ...verifyCases,
  ...topologyCases,
  ...vlanCases,
  ...loadCases,
  ...ipvsCases,
];

/** Those that run outside, with guests of their own. */
export const outsideCases: readonly OutsideCase[] = tunnelCases;
