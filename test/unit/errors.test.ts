import { describe, expect, it } from 'vitest';
import { ChannelOpenError, DisconnectedError, NegotiationError, printable, SSHError, SSHTimeoutError } from '../../src/errors.ts';

describe('errors', () => {
  it("carry the peer's words escaped in the message and as they were in a field", () => {
    const error = new DisconnectedError(2, '\x1b[2Jowned\r\nroot logged in');
    expect(error.message).toBe('the peer disconnected (reason 2): \\x1b[2Jowned\\x0d\\x0aroot logged in');
    expect(error.description).toBe('\x1b[2Jowned\r\nroot logged in');
    expect(error).toBeInstanceOf(SSHError);
    expect(error.code).toBe('ERR_SSH_DISCONNECTED');
    expect(error.name).toBe('DisconnectedError');
  });

  it('name both lists where nothing is in common', () => {
    const error = new NegotiationError('kex', ['a', 'b'], ['c\u202ed']);
    expect(error.message).toBe('no common kex algorithm: we offer a, b; the peer offers c\\u202ed');
  });

  it('say what a refusal means', () => {
    expect(new ChannelOpenError('direct-tcpip', 2, 'no route').message).toContain('connect failed (no route)');
    expect(new ChannelOpenError('x', 99, '').message).toContain('reason 99');
    expect(new SSHTimeoutError('the handshake', 50).milliseconds).toBe(50);
  });

  it('cut long texts', () => {
    expect(printable('x'.repeat(5_000)).length).toBeLessThan(1_100);
  });
});
