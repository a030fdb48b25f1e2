// docs/from-paramiko.md promises a name for each of paramiko's. Its tables are walked against what is exported, and paramiko's
// own names, written down here, against its tables: neither can go without the other.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { TransportOptions } from '../../src/index.ts';
import * as root from '../../src/index.ts';
import * as keys from '../../src/keys.ts';
import * as sftp from '../../src/sftp.ts';

interface Row {
  readonly seed: string;
  /** The seed's bare name: without arguments and class. */
  readonly name: string;
  readonly ours: string;
}

const text = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'from-paramiko.md'), 'utf8');

/** Tables by the heading above them. */
const tables = new Map<string, Row[]>();
for (const section of text.split(/^#{2,3} /m).slice(1)) {
  const rows = section.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| paramiko |'));
  const table = rows.map((row) => {
    const cells = row.split('|').map((cell) => cell.trim());
    expect(cells, row).toHaveLength(5);
    const seed = /^`([^`]+)`$/.exec(cells[1] as string)?.[1] ?? '';
    const name = /(?:^|\.)(\w+)(?:\(.*)?$/.exec(seed)?.[1] ?? '';
    return { seed, name, ours: cells[2] as string };
  });
  if (table.length > 0) tables.set(section.slice(0, section.indexOf('\n')), table);
}

const exported = root as unknown as Record<string, unknown>;
const exportedKeys = keys as unknown as Record<string, unknown>;
const exportedSftp = sftp as unknown as Record<string, unknown>;

/** The classes of the public API, keys and SFTP among them. */
function classOf(name: string): (abstract new () => object) & Record<string, unknown> {
  return (exported[name] ?? exportedKeys[name] ?? exportedSftp[name]) as ReturnType<typeof classOf>;
}

/** paramiko's public names, from its API reference and its source: what must have a row. */
const seedNames: Readonly<Record<string, string>> = {
  Transport: `Transport __repr__ atfork get_security_options set_gss_host start_client start_server add_server_key get_server_key
    load_server_moduli close get_remote_server_key is_active open_session open_x11_channel open_forward_agent_channel
    open_forwarded_tcpip_channel open_channel request_port_forward cancel_port_forward open_sftp_client send_ignore
    renegotiate_keys set_keepalive global_request accept connect get_exception set_subsystem_handler is_authenticated
    get_username get_banner auth_none auth_password auth_publickey auth_interactive auth_interactive_dumb
    auth_gssapi_with_mic auth_gssapi_keyex set_log_channel get_log_channel set_hexdump get_hexdump use_compression
    getpeername run`,
  'Arguments of the constructor': `default_window_size default_max_packet_size gss_kex gss_deleg_creds disabled_algorithms
    server_sig_algs strict_kex packetizer_class`,
  SecurityOptions: 'SecurityOptions __repr__ ciphers digests key_types kex compression',
  ServiceRequestingTransport: `ServiceRequestingTransport auth_none auth_password auth_publickey auth_interactive
    auth_interactive_dumb auth_gssapi_with_mic auth_gssapi_keyex`,
  Channel: `Channel get_pty invoke_shell exec_command invoke_subsystem resize_pty update_environment set_environment_variable
    exit_status_ready recv_exit_status send_exit_status request_x11 request_forward_agent get_transport set_name get_name
    get_id set_combine_stderr settimeout gettimeout setblocking getpeername close recv_ready recv recv_stderr_ready
    recv_stderr send_ready send send_stderr sendall sendall_stderr makefile makefile_stderr makefile_stdin fileno shutdown
    shutdown_read shutdown_write`,
  ServerInterface: `check_channel_request get_allowed_auths check_auth_none check_auth_password check_auth_publickey
    check_auth_interactive check_auth_interactive_response check_auth_gssapi_with_mic check_auth_gssapi_keyex
    enable_auth_gssapi check_port_forward_request cancel_port_forward_request check_global_request
    check_channel_pty_request check_channel_shell_request check_channel_exec_request check_channel_subsystem_request
    check_channel_window_change_request check_channel_x11_request check_channel_forward_agent_request
    check_channel_direct_tcpip_request check_channel_env_request get_banner`,
  InteractiveQuery: 'InteractiveQuery add_prompt',
  SubsystemHandler: 'SubsystemHandler get_server start_subsystem finish_subsystem',
  AuthStrategy: 'AuthStrategy get_sources authenticate',
  AuthSource: 'AuthSource authenticate',
  NoneAuth: 'authenticate',
  Password: 'Password authenticate',
  PrivateKeyAuth: 'authenticate',
  InMemoryPrivateKey: 'InMemoryPrivateKey',
  OnDiskPrivateKey: 'OnDiskPrivateKey',
  AuthResult: 'AuthResult',
  SourceResult: 'SourceResult',
  AuthFailure: 'AuthFailure',
  PrivateKey: `from_path from_type_string identifiers asbytes get_name algorithm_name get_bits can_sign get_fingerprint
    fingerprint get_base64 sign_ssh_data verify_ssh_sig from_private_key_file from_private_key write_private_key_file
    write_private_key generate load_certificate size public_numbers supported_key_format_identifiers`,
  PKey: `PKey from_path from_type_string identifiers from_private_key_file from_private_key generate asbytes get_name algorithm_name
    get_bits can_sign get_fingerprint fingerprint get_base64 sign_ssh_data verify_ssh_sig write_private_key_file write_private_key
    load_certificate`,
  PublicKey: 'verify_ssh_sig from_file from_string from_message',
  SFTPClient: `SFTPClient from_transport close get_channel listdir listdir_attr listdir_iter open file remove unlink rename
    posix_rename mkdir rmdir stat lstat symlink chmod chown utime truncate readlink normalize chdir getcwd putfo put getfo get`,
  SFTPFile: `close read readinto readline readlines xreadlines next write writelines flush seek tell seekable readable writable
    settimeout gettimeout setblocking stat chmod chown utime truncate check set_pipelined prefetch readv`,
  SFTPAttributes: 'SFTPAttributes from_stat asbytes __str__',
  Errors: `SSHException AuthenticationException PasswordRequiredException BadAuthenticationType PartialAuthentication
    UnableToAuthenticate AuthFailure ChannelException BadHostKeyException IncompatiblePeer MessageOrderError
    NoValidConnectionsError timeout EOFError UnknownKeyType ProxyCommandFailure CouldNotCanonicalize ConfigParseError
    SFTPError`,
};

/** The compiler checks these names, the test that the page has exactly them. */
const optionNames: readonly (keyof TransportOptions)[] = [
  'defaultWindowSize',
  'defaultMaxPacketSize',
  'gssKex',
  'gssDelegCreds',
  'disabledAlgorithms',
  'serverSigAlgs',
  'strictKex',
  'packetizerClass',
];

/** Names here that camelCase does not give. */
const otherwise: Readonly<Record<string, string>> = {
  __repr__: 'toString',
  __str__: 'toString',
  asbytes: 'asBytes',
  size: 'getBits',
};

function camelCase(name: string): string {
  return otherwise[name] ?? name.replace(/_(\w)/g, (_all, letter: string) => letter.toUpperCase());
}

describe.each(Object.keys(seedNames))('%s', (section) => {
  const wanted = (seedNames[section] as string).split(/\s+/);
  const rows = tables.get(section) ?? [];

  it('has a row for each name of the seed, and no other', () => {
    expect(rows.map((row) => row.name).sort()).toEqual([...wanted].sort());
  });
});

it('has no table that this test does not know', () => {
  expect([...tables.keys()].sort()).toEqual(Object.keys(seedNames).sort());
});

const classTables = [...tables].filter(([section]) => section !== 'Errors' && section !== 'Arguments of the constructor');

describe.each(classTables)('the class %s', (section, rows) => {
  const owner = classOf(section);

  it('is exported', () => expect(owner).toBeTypeOf('function'));

  it.each(rows.map((row) => [row.seed, row] as const))('%s', (_seed, { name, ours }) => {
    if (ours === 'absent' || ours === 'later') {
      // Whoever adds it must say so on the page.
      expect(camelCase(name) in owner.prototype || camelCase(name) in owner).toBe(false);
      return;
    }
    const elsewhere = /^`(\w+)(?:\(\))?` of `amiko\/keys`$/.exec(ours);
    if (elsewhere !== null) {
      expect(exportedKeys[elsewhere[1] as string]).toBeDefined();
      return;
    }
    const [, kind = '', form = '', call = ''] = /^`(new |static )?(\w+)(\(.*\))?`$/.exec(ours) ?? [];
    expect(form, ours).not.toBe('');
    if (kind === 'new ') {
      expect(form).toBe(section);
      expect(form).toBe(name);
      return;
    }
    expect(form).toBe(camelCase(name));
    const place = kind === 'static ' ? owner : owner.prototype;
    const property = propertyOf(place, form);
    expect(property, `${section} has no ${kind}${form}`).toBeDefined();
    if (call === '') expect(property?.get).toBeTypeOf('function');
    else expect(property?.value).toBeTypeOf('function');
  });
});

/** Abstract methods have no place in the prototype: these two are the subclass's to write. */
const abstract = ['AuthStrategy.getSources', 'AuthSource.authenticate'];

function propertyOf(place: object, name: string): PropertyDescriptor | undefined {
  for (let object: object | null = place; object !== null; object = Object.getPrototypeOf(object) as object | null) {
    const property = Object.getOwnPropertyDescriptor(object, name);
    if (property !== undefined) return property;
    const maker = Object.getOwnPropertyDescriptor(object, 'constructor')?.value as { name: string } | undefined;
    if (abstract.includes(`${maker?.name}.${name}`)) return { value: () => {} };
  }
  return undefined;
}

it('the arguments of the constructor are the options, by name', () => {
  const rows = tables.get('Arguments of the constructor') ?? [];
  expect(rows.map(({ ours }) => ours)).toEqual(optionNames.map((name) => `\`${name}\``));
  expect(rows.map(({ name }) => camelCase(name))).toEqual(optionNames);
});

it.each((tables.get('Errors') ?? []).map((row) => [row.seed, row] as const))('the error %s', (_seed, { name, ours }) => {
  if (ours === 'absent' || ours === 'later') {
    expect(exported[name]).toBeUndefined();
    return;
  }
  const error = /^`(\w+)`$/.exec(ours)?.[1] ?? '';
  const owner = classOf(error);
  expect(owner, ours).toBeTypeOf('function');
  expect(error === 'SSHError' || owner.prototype instanceof root.SSHError).toBe(true);
});

it('every class of errors stands on the page, and what is said to be beyond the seed is there', () => {
  const errors = Object.entries(exported).filter(
    ([, value]) => (value as { prototype?: unknown }).prototype instanceof root.SSHError,
  );
  const beyond = ['AgentError', 'ConfigError', 'ExecError', 'GssError', 'TransferError'];
  for (const [name] of errors) if (!beyond.includes(name)) expect(text).toContain(`\`${name}\``);
  expect(errors.length).toBeGreaterThan(10);
});
