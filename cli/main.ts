#!/usr/bin/env node
import { commandLine } from './command-line.js';
import { endQuietlyOnClosedPipe } from './output/streams.js';
import { createProgram, withDefaultCommand } from './program.js';
import { report } from './report.js';

endQuietlyOnClosedPipe();

const program = createProgram();
let running = program;
program.hook('preAction', (_, command) => {
  running = command;
});
try {
  await program.parseAsync(withDefaultCommand(program, process.argv.slice(2)), { from: 'user' });
} catch (error) {
  process.exitCode = report(error, commandLine(running));
}
