// scripts/man-page.mjs: prints the man page toa.1, made of the commands themselves (man(7); mandoc and groff read it).
// scripts/compile writes it to dist/. Needs dist/cli. Reproducible builds set SOURCE_DATE_EPOCH.
import { commandLine } from '../dist/cli/command-line.js';
import { manualOf } from '../dist/cli/output/manual.js';
import { createProgram } from '../dist/cli/program.js';

const program = createProgram();
const help = program.createHelp();
const seconds = Number(process.env.SOURCE_DATE_EPOCH ?? Date.now() / 1000);
const date = new Date(seconds * 1000).toISOString().slice(0, 10);

/** Text as roff takes it: nothing in it is a request, and what is not ASCII is named by its code point. */
function roff(text) {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('\u00a0', ' ')
    .replaceAll('-', '\\-')
    .replaceAll('`', '\\(ga')
    .replaceAll("'", '\\(aq')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti')
    .replace(
      /[^\x20-\x7e\n]/gu,
      (sign) => `\\[u${sign.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}]`,
    )
    .replace(/^\./gm, '\\&.');
}

const bold = (text) => `\\fB${roff(text)}\\fR`;
const italic = (text) => `\\fI${roff(text)}\\fR`;

/** `-c, --config <file>` with what is typed in bold, and what stands for something else in italics. */
function flags(text) {
  return text
    .split(/(<[^>]*>|\[[^\]]*\]|, )/)
    .map((part) => (part === ', ' ? part : /^[<[]/.test(part) ? italic(part.slice(1, -1)) : bold(part)))
    .join('');
}

const paragraphs = (texts) => texts.flatMap((text) => ['.PP', roff(text)]);
const terms = (rows, style) => rows.flatMap(([term, text]) => ['.TP', style(term), roff(sentence(text))]);
const options = (list) =>
  terms(
    list.map((option) => [option.flags, help.optionDescription(option)]),
    flags,
  );
const examples = (lines) => ['.PP', '.EX', ...lines.map(roff), '.EE'];
const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1).replace(/([^.])$/, '$1.');

/** A command and those below it. One that only holds others has nothing to tell beside them. */
function section(command) {
  const { details = [], examples: lines } = manualOf(command) ?? { examples: [] };
  const operands = command.registeredArguments.map((argument) => ` ${italic(argument.name())}`);
  const own = [
    `.SS ${bold(commandLine(command))}${operands.join('')}`,
    roff(sentence(command.description())),
    ...paragraphs(details),
    ...terms(
      help.visibleArguments(command).map((argument) => [argument.name(), help.argumentDescription(argument)]),
      italic,
    ),
    ...options(help.visibleOptions(command).filter(({ long }) => long !== '--help')),
    ...examples(lines),
  ];
  return command.commands.length === 0 ? own : command.commands.flatMap(section);
}

const { details, examples: lines } = manualOf(program);
const page = [
  `.TH TOA 1 ${date} "toakit ${program.version()}" "User Commands"`,
  '.SH NAME',
  `toa \\- ${roff("clients' true addresses behind an LVS-style load balancer")}`,
  '.SH SYNOPSIS',
  `${bold('toa')} [${italic('options')}] [${italic('command')}]`,
  '.SH DESCRIPTION',
  roff(sentence(program.description())),
  ...paragraphs(details),
  '.SH OPTIONS',
  ...options(help.visibleOptions(program)),
  '.SH COMMANDS',
  ...program.commands.flatMap(section),
  '.SH EXIT STATUS',
  ...terms(
    [
      ['0', 'Ok.'],
      ['1', 'A check failed, or the work did.'],
      ['2', 'Usage: wrong arguments, or a wrong file.'],
      ['3', 'Something is missing here: a kernel feature, the module, a program, the addon.'],
      ['4', 'Permission denied.'],
      ['130', 'Interrupted.'],
    ],
    bold,
  ),
  '.SH ENVIRONMENT',
  ...terms(
    [
      ['NO_COLOR', 'Not empty: no color, unless --color asks for it.'],
      ['COLUMNS', 'The width of tables, where it is not the terminal that tells it.'],
      ['TOA_DISABLE', '1: receivers in Node.js servers do nothing.'],
      ['TOA_VERBOSE', 'Not empty: the commands that build networks are told.'],
    ],
    bold,
  ),
  '.SH FILES',
  ...terms(
    [
      ['/etc/sysctl.d/60-toa.conf', 'The settings of the kernel module.'],
      ['/proc/net/toa_stats', 'Its counters, for each network namespace.'],
      ['/proc/net/toa_connections', 'The live connections that it knows the clients of.'],
    ],
    italic,
  ),
  '.SH EXAMPLES',
  ...examples(lines).slice(1),
  '.SH SEE ALSO',
  '.BR ss (8),\n.BR ipvsadm (8),\n.BR sysctl (8),\n.BR tcp (7)',
];
process.stdout.write(`${page.join('\n')}\n`);
