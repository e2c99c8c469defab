import { ToaError } from '../../lib/errors.js';

/** What stands before the bytes in a dump of xxd, `tcpdump -x` or `hexdump -C`, and behind them. */
const COLON_OFFSET = /^\s*(?:0x)?[0-9a-f]{4,8}:\s+/i;
const HEXDUMP = /^\s*[0-9a-f]{8} {2}(.*?)\s*\|.*\|\s*$/i;
/** What people and programs put between bytes. */
const SEPARATORS = /0x|\\x|[\s:,.;-]/gi;

/**
 * Reads bytes in hexadecimal, as programs print them: with blanks, colons or 0x between, or a dump with offsets and text.
 * @throws ToaError ERR_TOA_USAGE naming what is no hexadecimal
 */
export function parseHex(text: string): Uint8Array {
  const lines = text.split('\n');
  const dumped = lines.flatMap((line) => HEXDUMP.exec(line)?.[1] ?? []);
  const digits = (dumped.length > 0 ? dumped : lines.map(withoutOffset)).join('').replace(SEPARATORS, '');
  const wrong = /[^0-9a-f]+/i.exec(digits);
  if (wrong) throw usage(`"${wrong[0].slice(0, 20)}", which is no hexadecimal`);
  if (digits.length === 0) throw usage('nothing');
  if (digits.length % 2 === 1) throw usage(`${digits.length} digits, which is half a byte too many`);
  return Uint8Array.from(Buffer.from(digits, 'hex'));
}

function withoutOffset(line: string): string {
  if (!COLON_OFFSET.test(line)) return line;
  return line.replace(COLON_OFFSET, '').split(/\s{2,}/)[0]!;
}

function usage(given: string): ToaError {
  return new ToaError(
    'ERR_TOA_USAGE',
    `given ${given}, wanted bytes in hexadecimal, such as fe089c40c0000201`,
  );
}
