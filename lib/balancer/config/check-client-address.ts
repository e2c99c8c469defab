import { formatById } from '../../toa/index.js';
import type { Faults } from './faults.js';
import type { ClientAddress, ResolvedService } from './model.js';
import type { ServiceDraft } from './shape.js';
import { familyOf } from './siblings.js';

/** Only FULLNAT hides the client, and only TCP has options and a stream that a header can stand before. */
export function canTellClient({ mode, protocol }: Pick<ResolvedService, 'mode' | 'protocol'>): boolean {
  return mode === 'fullnat' && protocol === 'tcp';
}

/** What a service does that does not say it. */
export function defaultClientAddress(service: Pick<ResolvedService, 'mode' | 'protocol'>): ClientAddress {
  return canTellClient(service) ? 'toa' : 'none';
}

/** Whether the service's way to tell real servers who the client is fits its mode and protocol, and the option its family. */
export function checkClientAddress(service: ServiceDraft, path: string, faults: Faults): void {
  checkFormat(service, `${path}.toa.format`, faults);
  const { mode, protocol, clientAddress: given } = service;
  if (mode === undefined || protocol === undefined) return;
  if (given !== undefined && given !== 'none' && !canTellClient({ mode, protocol })) {
    const here = `${mode.toUpperCase()} over ${protocol.toUpperCase()}`;
    faults.add(`${path}.clientAddress`, given, `none, as only FULLNAT over TCP can tell it, not ${here}`);
    return;
  }
  const way = given ?? defaultClientAddress({ mode, protocol });
  if (service.toa !== undefined && way !== 'toa') {
    faults.add(`${path}.toa`, service.toa, `nothing, as the service's clientAddress is ${way}`);
  }
}

const OPTION_SPACE = 40; // RFC 9293, 3.1: a header of at most 60 bytes, 20 of them fixed
const MSS_OPTION = 4; // the SYN's MSS option must stay, for it is what makes room in full segments

function checkFormat(service: ServiceDraft, path: string, faults: Faults): void {
  const format = service.toa?.format === undefined ? undefined : formatById(service.toa.format);
  if (!format) return;
  if (!format.client) {
    faults.add(path, format.id, "a format that carries the client's address");
    return;
  }
  const [vip] = service.address ?? [];
  if (vip !== undefined && format.client.family !== familyOf(vip.value)) {
    const wanted = `a format for IPv${familyOf(vip.value)}, as the service's address is ${vip.value}`;
    faults.add(path, format.id, wanted);
  }
  const room = service.toa?.on?.includes('syn') ? OPTION_SPACE - MSS_OPTION : OPTION_SPACE;
  if (format.length > room) {
    faults.add(
      path,
      format.id,
      `a format of at most ${room} bytes, as the SYN carries its MSS too; this one has ${format.length}`,
    );
  }
}
