import { formatEndpoint } from '../../net/address.js';
import { defaultFormat } from './defaults.js';
import type { LinkConfig, ResolvedConfig, ResolvedService, ToaConfig } from './model.js';
import { familyOf } from './siblings.js';

/** A configuration without faults, in which only those defaults are missing that depend on other values. */
export interface SoundDraft extends Omit<ResolvedConfig, 'links' | 'services'> {
  readonly links: readonly LinkConfig[];
  readonly services: readonly SoundService[];
}

interface SoundService extends Omit<ResolvedService, 'name' | 'toa'> {
  readonly name?: string;
  readonly toa: Required<Omit<ToaConfig, 'format'>> & Pick<ToaConfig, 'format'>;
}

export function fillDependentDefaults(draft: SoundDraft): ResolvedConfig {
  return {
    ...draft,
    links: draft.links.map((link) => ({ interface: link.name, ...link })),
    services: draft.services.map((service) => ({
      name: formatEndpoint(service.address, service.port),
      ...service,
      toa: { format: defaultFormat[familyOf(service.address)], ...service.toa },
    })),
  };
}
