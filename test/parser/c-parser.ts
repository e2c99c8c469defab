/** The parser of the kernel module, built for user space with its sanitizers. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Endpoint, type Family, formatAddress } from '../../lib/net/address.js';
import { type FormatId, formats, type ToaFinding, type ToaRefusal } from '../../lib/toa/index.js';

/** A program of kernel-module/test, built into a folder of its own. Throws with the compiler's words. */
export function buildProgram(name: 'find' | 'fuzz'): { program: string; folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'toa-parser-'));
  run('make', ['-s', '-C', 'kernel-module/test', `OUT=${folder}`, name]);
  return { program: join(folder, name), folder };
}

/** What a command says on stdout. Throws with what it says on stderr when it fails. */
export function run(command: string, args: readonly string[], input = ''): string {
  const { error, signal, status, stderr, stdout } = spawnSync(command, args, {
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${signal ?? status}\n${stderr}`);
  return stdout;
}

/** A header to search, and the formats to search for. */
export interface Search {
  readonly accept: readonly FormatId[];
  readonly header: Uint8Array;
}

/** As in enum toa_refusal of parse.h; the first of them is the found option. */
const refusals: readonly ToaRefusal[] = [
  'none',
  'truncated-header',
  'bad-data-offset',
  'bad-length',
  'truncated-option',
  'wrong-length',
  'wrong-version',
];

/** What `find` says of a header. */
export interface SaidInC {
  /** In the form of lib/toa's findToa. */
  readonly finding: ToaFinding;
  /** Whether the client that was found can be there at all; false where none was. */
  readonly plausible: boolean;
}

export function findInC(program: string, searches: readonly Search[]): SaidInC[] {
  const lines = searches.map(({ accept, header }) => `${accept} ${Buffer.from(header).toString('hex')}\n`);
  return run(program, [], lines.join('')).trimEnd().split('\n').map(readLine);
}

function readLine(line: string): SaidInC {
  const [refusal, kind, length, offset, duplicates, format, client, vip, vpc, plausible] = line.split(' ');
  const at = { kind: Number(kind), length: Number(length), offset: Number(offset) };
  if (refusal !== '0') {
    if (duplicates !== '0') throw new Error(`a refusal with duplicates: ${line}`);
    const finding = { refusal: refusals[Number(refusal) - 1]!, ...at, duplicates: 0 } as const;
    return { finding, plausible: false };
  }
  const endpoints = { client: readEndpoint(client!), vip: readEndpoint(vip!) };
  const record = {
    format: formats[Number(format)]!.id,
    ...(endpoints.client && { client: endpoints.client }),
    ...(endpoints.vip && { vip: endpoints.vip }),
    ...(vpc !== '-' && { vpcId: Number(vpc) }),
  };
  return { finding: { record, ...at, duplicates: Number(duplicates) }, plausible: plausible === '1' };
}

function readEndpoint(text: string): Endpoint | undefined {
  const [family, port, address] = text.split('/');
  if (family === '0') return undefined;
  const known = Number(family) as Family;
  return {
    address: formatAddress(Buffer.from(address!, 'hex'), 0, known),
    port: Number(port),
    family: known,
  };
}
