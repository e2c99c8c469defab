import type { Family } from '../../net/address.js';
import { defaultClientAddress } from './check-client-address.js';
import { canShakeHands } from './check-syn-proxy.js';
import {
  defaultFormat,
  defaultHalfOpenHigh,
  defaultLocalPorts,
  defaultPersistencePrefix,
  defaultSynProxy,
  defaultSynProxyMss,
  defaultTimeouts,
  defaultToa,
} from './defaults.js';
import type {
  LinkConfig,
  PersistenceConfig,
  ResolvedConfig,
  ResolvedRealServer,
  ResolvedService,
  SettingsConfig,
  StrayAckAnswer,
  SynProxyConfig,
  TimeoutsConfig,
  ToaConfig,
} from './model.js';
import { solePort } from './ports.js';
import type { OneOrMore } from './read.js';
import { defaultName } from './service-name.js';
import { familyOf } from './siblings.js';

/** A configuration without faults, in which only those defaults are missing that depend on other values. */
export interface SoundDraft extends Omit<ResolvedConfig, 'links' | 'services'> {
  readonly links: readonly (LinkConfig & Required<Pick<LinkConfig, 'addresses'>>)[];
  readonly services: readonly SoundService[];
}

type Dependent =
  | 'name'
  | 'address'
  | 'port'
  | 'clientAddress'
  | 'toa'
  | 'persistence'
  | 'synProxy'
  | 'timeouts';

interface SoundService
  extends Omit<ResolvedService, Dependent>,
    Partial<Pick<ResolvedService, 'name' | 'clientAddress'>> {
  readonly address: OneOrMore<string>;
  readonly port: OneOrMore<number | string>;
  readonly toa?: ToaConfig;
  readonly persistence?: PersistenceConfig & Required<Pick<PersistenceConfig, 'timeout'>>;
  readonly synProxy?: SynProxyConfig;
  readonly timeouts: TimeoutsConfig;
}

export function fillDependentDefaults(draft: SoundDraft): ResolvedConfig {
  return {
    ...draft,
    links: draft.links.map((link) => ({ interface: link.name, ...link })),
    services: draft.services.map((service) => resolveService(service, draft.settings)),
  };
}

function resolveService(
  { toa, persistence, synProxy, ...service }: SoundService,
  { profile, strayAck }: Required<SettingsConfig>,
): ResolvedService {
  const [{ value: vip }] = service.address;
  const family = familyOf(vip);
  const port = service.port.map(({ value }) => value);
  const clientAddress = service.clientAddress ?? defaultClientAddress(service);
  return {
    name: defaultName(service.protocol, vip, service.port[0].value),
    ...service,
    address: service.address.map(({ value }) => value),
    port,
    ...(service.mode === 'fullnat' && { localPorts: service.localPorts ?? defaultLocalPorts }),
    clientAddress,
    ...(clientAddress === 'toa' && { toa: { ...defaultToa, format: defaultFormat[family], ...toa } }),
    ...(persistence && { persistence: { prefix: defaultPersistencePrefix[family], ...persistence } }),
    ...(canShakeHands(service) && { synProxy: resolveSynProxy(synProxy, family, strayAck) }),
    timeouts: { ...defaultTimeouts(service.mode, profile), ...service.timeouts },
    realServers: service.realServers.map((server) => withPort(server, solePort(port))),
  };
}

function resolveSynProxy(
  given: SynProxyConfig = { mode: 'off' },
  family: Family,
  badAck: StrayAckAnswer,
): Required<SynProxyConfig> {
  const halfOpenHigh = given.halfOpenHigh ?? defaultHalfOpenHigh;
  const halfOpenLow = given.halfOpenLow ?? halfOpenHigh >> 2;
  const ofService = {
    mode: 'on',
    mss: defaultSynProxyMss[family],
    badAck,
    halfOpenHigh,
    halfOpenLow,
  } as const;
  return { ...ofService, ...defaultSynProxy, ...given };
}

/** A service's only port is written out, so that a real server is the same whether a person wrote it or not. */
function withPort(server: ResolvedRealServer, servicePort: number | undefined): ResolvedRealServer {
  return servicePort === undefined ? server : { ...server, port: server.port ?? servicePort };
}
