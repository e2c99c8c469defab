import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { type Attachment, type AttachOptions, attach } from '../../lib/index.js';
import { toJson } from '../output/streams.js';
import { type ConnectionReport, Judgments } from './report.js';

export interface ReportingServer {
  readonly server: Server;
  readonly attachment: Attachment;
}

/** A client has this long to close its end, in milliseconds. */
const LINGER = 5000;

/**
 * A server that tells its clients who they are, in a line of JSON (schema `serve/1`): as the answer to any HTTP request, or, where
 * it is raw, at once. `onConnection` gets each connection's report as well.
 * @throws ToaError ERR_TOA_UNSUPPORTED where clients cannot be recovered, ERR_TOA_TRUST, ERR_TOA_FORMAT
 */
export function createReportingServer(
  raw: boolean,
  options: AttachOptions,
  onConnection: (report: ConnectionReport) => void,
): ReportingServer {
  const server = raw ? createServer() : createHttpServer();
  const attachment = attach(server, { ...options, required: true });
  const judgments = new Judgments(server);
  const reports = new WeakMap<Socket, ConnectionReport>();
  const lineFor = (socket: Socket) => {
    const report = reports.get(socket);
    return report ? `${toJson('serve/1', report)}\n` : '';
  };
  server.on('connection', (socket: Socket) => {
    const report = judgments.report(socket);
    if (report) {
      reports.set(socket, report);
      onConnection(report);
    }
    if (!raw) return;
    // A client that resets its connection is not our error.
    socket.on('error', () => {}).setTimeout(LINGER, () => socket.destroy());
    socket.resume().end(lineFor(socket));
  });
  server.on('request', (request, response) => {
    response.setHeader('Content-Type', 'application/json').end(lineFor(request.socket));
  });
  return { server, attachment };
}
