import { refuseSharedRoles } from './check-roles.js';
import { checkLinks, checkRoutes } from './check-routes.js';
import { checkServices } from './check-services.js';
import { type Fault, Faults } from './faults.js';
import type { ResolvedConfig } from './model.js';
import { fillDependentDefaults, type SoundDraft } from './resolve.js';
import { readShape } from './shape.js';

export type Validation =
  | { readonly config: ResolvedConfig; readonly faults?: never }
  | { readonly config?: never; readonly faults: readonly Fault[] };

/**
 * Judges what was read from a configuration file: gives the configuration with all defaults filled in, or every fault
 * in it, those of shape first. Never throws; the input is not changed.
 */
export function validateConfig(input: unknown): Validation {
  const faults = new Faults();
  const draft = readShape(input, '', faults);
  checkLinks(draft?.links ?? [], faults);
  checkRoutes(draft?.routes ?? [], draft?.links ?? [], faults);
  checkServices(draft?.services ?? [], draft?.routes ?? [], faults);
  refuseSharedRoles(draft?.services ?? [], draft?.links ?? [], faults);
  if (faults.list.length > 0) return { faults: faults.list };
  return { config: fillDependentDefaults(draft as SoundDraft) };
}
