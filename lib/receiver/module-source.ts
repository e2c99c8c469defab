import { constants } from 'node:os';
import type { NativeAddon } from '../native.js';
import { RECORD_LENGTH, readKernelRecord } from './kernel-record.js';
import type { Finding, Source } from './source.js';

const IPPROTO_IP = 0;
const TOA_SO_GET_RECORD = 4100;

/** The module may be loaded while the server runs, so its absence is believed for this long only. */
const ASK_AGAIN_AFTER_MS = 1000;

/** The receiver in the kernel, asked with the socket option TOA_SO_GET_RECORD (kernel-module/uapi/toa.h). */
export class ModuleSource implements Source {
  readonly #native: NativeAddon;
  readonly #record = new Uint8Array(RECORD_LENGTH);
  #foundAbsentAt = 0;

  constructor(native: NativeAddon) {
    this.#native = native;
  }

  /** Undefined where no module is loaded (ENOPROTOOPT) or it has seen no option on this connection (ESRCH). */
  ask(fd: number): Finding | undefined {
    const now = Date.now(); // the cheapest clock there is; both ways, for it may be set back
    if (Math.abs(now - this.#foundAbsentAt) < ASK_AGAIN_AFTER_MS) return undefined;
    const result = this.#native.getSocketOption(fd, IPPROTO_IP, TOA_SO_GET_RECORD, this.#record);
    this.#foundAbsentAt = result === -constants.errno.ENOPROTOOPT ? now : 0;
    return result === RECORD_LENGTH ? readKernelRecord(this.#record) : undefined;
  }
}
