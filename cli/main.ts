#!/usr/bin/env node
import { commandLine } from './command-line.js';
import { endWhereOutputCannotGo } from './output/streams.js';
import { commandToRun, createProgram } from './program.js';
import { report } from './report.js';

endWhereOutputCannotGo();

const program = createProgram();
let running = program;
program.hook('preAction', (_, command) => {
  running = command;
});
try {
  await program.parseAsync(commandToRun(program, process.argv.slice(2)), { from: 'user' });
} catch (error) {
  process.exitCode = report(error, commandLine(running));
}
