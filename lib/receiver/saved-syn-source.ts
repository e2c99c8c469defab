import type { NativeAddon } from '../native.js';
import { type Endpoint, plainEndpoint } from '../net/address.js';
import {
  type FormatSet,
  findToa,
  formatById,
  isPlausibleClient,
  readSavedSyn,
  type ToaFinding,
} from '../toa/index.js';
import type { Finding, Source } from './source.js';

/**
 * Room for the longest IPv6 packet: the kernel tells nothing of a SYN that is longer than the room there is, and a client
 * may put as many extension headers before its TCP header as it likes.
 */
const SYN_LENGTH = 40 + 65535;

/** The SYN that the listener has kept (TCP_SAVE_SYN, tcp(7)). It can be read once, and is not kept while SYN cookies are in play. */
export class SavedSynSource implements Source {
  readonly #native: NativeAddon;
  readonly #formats: FormatSet;
  readonly #syn = new Uint8Array(SYN_LENGTH);

  constructor(native: NativeAddon, formats: FormatSet) {
    this.#native = native;
    this.#formats = formats;
  }

  ask(fd: number): Finding | undefined {
    const length = this.#native.readSavedSyn(fd, this.#syn);
    if (length <= 0) return undefined;
    const syn = readSavedSyn(this.#syn.subarray(0, length));
    if (!syn) return undefined;
    return finding(syn.source, findToa(syn.tcpHeader, this.#formats));
  }
}

function finding(peer: Endpoint, { record, refusal, duplicates }: ToaFinding): Finding {
  if (!record?.client) {
    const malformed = refusal !== undefined && refusal !== 'none';
    return { via: 'saved-syn', peer, client: undefined, vip: record?.vip, malformed, duplicates };
  }
  const client = plainEndpoint(record.client.address, record.client.port);
  const carriesPort = formatById(record.format)?.client?.port !== undefined;
  return {
    via: 'saved-syn',
    peer,
    client,
    vip: record.vip,
    malformed: !isPlausibleClient(client, carriesPort),
    duplicates,
  };
}
