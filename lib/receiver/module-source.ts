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
  #absentUntil = 0;

  constructor(native: NativeAddon) {
    this.#native = native;
  }

  /** Undefined where no module is loaded (ENOPROTOOPT) or it has seen no option on this connection (ESRCH). */
  ask(fd: number): Finding | undefined {
    if (this.#absentUntil > 0 && performance.now() < this.#absentUntil) return undefined;
    const result = this.#native.getSocketOption(fd, IPPROTO_IP, TOA_SO_GET_RECORD, this.#record);
    this.#absentUntil = result === -constants.errno.ENOPROTOOPT ? performance.now() + ASK_AGAIN_AFTER_MS : 0;
    return result === RECORD_LENGTH ? readKernelRecord(this.#record) : undefined;
  }
}
