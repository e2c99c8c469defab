import { createReadStream } from 'node:fs';
import { type CapturedPacket, CaptureParser } from '../../lib/capture/index.js';
import { ToaError } from '../../lib/errors.js';

/** Read in one go: as many packets are looked at before a signal is. */
const PIECE = 1 << 20;

/**
 * Hands the packets of a capture file, `-` being standard input, to `take` one after another, until its end or until the
 * signal comes.
 * @throws ToaError ERR_TOA_CAPTURE behind the last sound packet, with the file and the byte in it; a system's error
 */
export async function readCaptureFile(
  file: string,
  signal: AbortSignal,
  take: (packet: CapturedPacket) => void,
): Promise<void> {
  const parser = new CaptureParser();
  const stream = file === '-' ? process.stdin : createReadStream(file, { highWaterMark: PIECE });
  const stop = () => stream.destroy();
  signal.addEventListener('abort', stop);
  try {
    for await (const piece of stream) {
      for (const packet of parser.push(piece as Uint8Array)) {
        if (signal.aborted) return;
        take(packet);
      }
    }
    parser.end();
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof ToaError)) throw error;
    const name = file === '-' ? 'standard input' : file;
    throw new ToaError(error.code, `${name}: ${error.message}`, { cause: error });
  } finally {
    signal.removeEventListener('abort', stop);
    stream.destroy();
  }
}
