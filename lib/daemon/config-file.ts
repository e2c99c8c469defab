import { readFileSync } from 'node:fs';
import { type Fault, type ResolvedConfig, validateConfig } from '../balancer/config/index.js';
import { ToaError } from '../errors.js';
import { findJsonFault } from './json-fault.js';

/** A configuration file that cannot be used, with everything that is wrong in it (ERR_TOA_CONFIG). */
export class ConfigFileError extends ToaError {
  readonly faults: readonly Fault[];

  constructor(message: string, faults: readonly Fault[] = [], cause?: unknown) {
    const lines = faults.map(({ path, given, wanted }) => `\n  ${path}: given ${given}, wanted ${wanted}`);
    super('ERR_TOA_CONFIG', message + lines.join(''), { cause });
    this.faults = faults;
  }
}

/**
 * Reads the balancer's configuration from a JSON file, or from standard input if the path is `-`.
 * @throws ConfigFileError naming the line and column where it is not JSON, or every fault in what it says
 */
export function readConfigFile(path: string): ResolvedConfig {
  const name = nameOf(path);
  const { config, faults } = validateConfig(parse(name, readText(path, name)));
  if (config !== undefined) return config;
  throw faultyConfig(path, faults);
}

/** The error of a file that is JSON, but has faults. */
export function faultyConfig(path: string, faults: readonly Fault[]): ConfigFileError {
  const count = `${faults.length} fault${faults.length === 1 ? '' : 's'}`;
  return new ConfigFileError(`${nameOf(path)} has ${count}:`, faults);
}

const nameOf = (path: string) => (path === '-' ? 'standard input' : path);

function readText(path: string, name: string): string {
  try {
    // Some editors put a byte order mark in front.
    return readFileSync(path === '-' ? 0 : path, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    throw new ConfigFileError(`${name} cannot be read: ${(error as Error).message}`, [], error);
  }
}

function parse(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const { line, column, given, wanted } = findJsonFault(text) ?? somewhere;
    const path = `line ${line}, column ${column}`;
    throw new ConfigFileError(`${name} is not JSON:`, [{ path, given, wanted }], error);
  }
}

const somewhere = { line: 1, column: 1, given: 'something else', wanted: 'JSON' };
