import { text } from 'node:stream/consumers';
import { Command, Option } from 'commander';
import { type CapturedPacket, LinkType, type Reading, Segment } from '../../lib/capture/index.js';
import { ToaError } from '../../lib/errors.js';
import { acceptFormats, type FormatSet } from '../../lib/toa/index.js';
import { formatNames } from '../capture/formats.js';
import { readCaptureFile } from '../capture/read-file.js';
import { isoTime } from '../capture/time.js';
import { type DecodedHeader, decodeHeader, decodeSegment, type Form, forms } from '../decode/header.js';
import { parseHex } from '../decode/hex.js';
import { headerJson } from '../decode/json.js';
import { headerText } from '../decode/text.js';
import { exitStatus } from '../exit-status.js';
import { addManual } from '../output/manual.js';
import { print, printJson, say } from '../output/streams.js';

interface DecodeOptions {
  readonly as: Form | 'auto';
  readonly read?: string;
  readonly all?: boolean;
  readonly formats: string;
  readonly json?: boolean;
}

/** `toa decode`: what the options of a header say, byte by byte. */
export function decodeCommand(): Command {
  const command = new Command('decode')
    .description('tell what TCP options say, byte by byte')
    .argument('[hex...]', 'options, a TCP header, an IP packet or a frame; else standard input')
    .addOption(new Option('--as <form>', 'what the bytes are').choices(['auto', ...forms]).default('auto'))
    .option('-r, --read <file>', 'the packets of a pcap or pcapng file that have TOA; - is standard input')
    .option('--all', 'with -r, all TCP packets')
    .option('--formats <names>', 'default, all, or names out of toa formats', 'all')
    .option('--json', 'as JSON, one object a line for each header')
    .action(async (words: string[], options: DecodeOptions) => {
      if (words.length > 0 && options.read !== undefined) {
        throw new ToaError('ERR_TOA_USAGE', 'given hex and -r, wanted only one of them');
      }
      const formats = acceptFormats(formatNames(options.formats));
      const malformed =
        options.read === undefined
          ? await decodeHex(words, options, formats)
          : await decodeFile(options.read, options, formats);
      process.exitCode = malformed ? exitStatus.failed : exitStatus.ok;
    });
  return addManual(command, {
    details: [
      'Hex may have blanks, colons, or offsets and text beside it, as tcpdump -x, xxd and hexdump -C print it.',
      'The last line of each header is what a receiver makes of it. Exits with 1 if options are malformed.',
    ],
    examples: [
      'toa decode fe089c40c0000201',
      'tcpdump -r capture.pcap -c 1 -x | tail -n +2 | toa decode',
      'toa decode -r capture.pcap --json',
    ],
  });
}

/** Answers whether the options are malformed. */
async function decodeHex(
  words: readonly string[],
  { as, json }: DecodeOptions,
  formats: FormatSet,
): Promise<boolean> {
  if (words.length === 0 && process.stdin.isTTY) say('reading hex from the terminal; Ctrl-D ends it');
  const bytes = parseHex(words.length > 0 ? words.join(' ') : await text(process.stdin));
  const header = decodeHeader(bytes, as, formats);
  if (json) printJson('decode/1', headerJson(header));
  else print(headerText(header));
  return isMalformed(header.reading);
}

/** Answers whether the options of a packet are malformed. */
async function decodeFile(file: string, { all, json }: DecodeOptions, formats: FormatSet): Promise<boolean> {
  const segment = new Segment();
  let number = 0;
  let shown = 0;
  let malformed = false;
  const show = (header: DecodedHeader, { time }: CapturedPacket) => {
    const at = isoTime(time);
    if (json) printJson('decode/1', headerJson(header, { packet: number, time: at }));
    else print(`${shown > 0 ? '\n' : ''}${headerText(header, `packet ${number}, ${at}`)}`);
    shown++;
    malformed ||= isMalformed(header.reading);
  };
  await readCaptureFile(file, new AbortController().signal, (packet) => {
    number++;
    const { bytes, start, end, linkType } = packet;
    if (segment.locate(bytes, start, end, linkType) !== undefined) return;
    const header = decodeSegment(segment, start, linkType === LinkType.raw ? 'ip' : 'frame', formats);
    if (all || header.reading.refusal !== 'none') show(header, packet);
  });
  if (shown === 0) say(`no packet with TOA among ${number}`);
  return malformed;
}

const isMalformed = ({ oddities }: Reading) => oddities.includes('malformed');
