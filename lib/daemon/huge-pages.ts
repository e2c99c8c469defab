import type { NativeAddon } from '../native.js';
import { nativeError } from '../native-error.js';

/**
 * Allocates in huge pages, where the kernel has them: for tables that are read all over. With a million connections most
 * of a look-up is waiting for memory, and half of that for page tables. Memory is used from 2 MiB on, as it is touched; by
 * its default (transparent_hugepage/defrag) the kernel may move others' pages about to make room for one.
 * @throws ToaError ERR_TOA_SYSTEM when there is no memory
 */
export function hugePages(addon: NativeAddon): (bytes: number) => ArrayBuffer {
  return (bytes) => {
    const pages = addon.allocatePages(bytes, true);
    if (typeof pages === 'number') throw nativeError(`allocate ${bytes} bytes`, pages);
    return pages;
  };
}
