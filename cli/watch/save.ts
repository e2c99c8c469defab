import { closeSync, fstatSync, openSync, statSync, writeSync } from 'node:fs';
import { PcapngWriter } from '../../lib/capture/index.js';
import { ToaError } from '../../lib/errors.js';
import { version } from '../manifest.js';

/** A pcapng file that is being written. */
export interface SavedCapture {
  readonly writer: PcapngWriter;
  close(): void;
}

/**
 * Opens the file of -w, which must not be the one that -r reads.
 * @throws ToaError ERR_TOA_USAGE; a system's error where it cannot be written
 */
export function saveCapture(file: string, read: string | undefined): SavedCapture {
  if (file === '-' || (read !== undefined && isSameFile(file, read))) {
    const given = file === '-' ? 'standard output, which the connections go to' : 'the file that is read';
    throw new ToaError('ERR_TOA_USAGE', `-w: given ${given}, wanted another file`);
  }
  const fd = openSync(file, 'w');
  const writer = new PcapngWriter((bytes) => writeAll(fd, bytes), `toakit ${version}`);
  return {
    writer,
    close() {
      writer.flush();
      closeSync(fd);
    },
  };
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length; ) {
    written += writeSync(fd, bytes, written);
  }
}

function isSameFile(one: string, other: string): boolean {
  const [first, second] = [one, other].map((file) =>
    file === '-' ? fstatSync(0) : statSync(file, { throwIfNoEntry: false }),
  );
  return first !== undefined && first.ino === second?.ino && first.dev === second.dev;
}
