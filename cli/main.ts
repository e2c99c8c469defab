#!/usr/bin/env node
import { CommanderError } from 'commander';
import { ToaError } from '../lib/errors.js';
import { exitStatus, statusOf } from './exit-status.js';
import { endQuietlyOnClosedPipe, say } from './output/streams.js';
import { createProgram } from './program.js';

endQuietlyOnClosedPipe();

const program = createProgram();
try {
  if (process.argv.length <= 2) program.outputHelp();
  else await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

/** Puts an error into words on standard error, and says what to exit with. */
function report(error: unknown): number {
  // Commander has said its words already; help and version come this way too.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitStatus.ok : exitStatus.usage;
  if (error instanceof ToaError) {
    if (error.code !== 'ERR_TOA_INTERRUPTED') say(`toa: ${error.message}`);
    return statusOf(error.code);
  }
  say(`toa: unexpected error: ${error instanceof Error ? error.stack : error}`);
  return exitStatus.failed;
}
