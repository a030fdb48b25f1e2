// Attacks on the connection layer (reliability A5), against both roles: windows, packet sizes, numbers of channels that are not, order
// of messages, replies that nobody waits for (Go CVE-2026-39830), requests cut at every byte (libssh2 CVE-2019-3857).
import { describe, expect, it, vi } from 'vitest';
import { concat, encodeUtf8 } from '../../src/bytes/bytes.ts';
import { ChannelOpenError, type SSHError } from '../../src/errors.ts';
import { limits } from '../../src/packet/limits.ts';
import {
  ChannelClose,
  ChannelData,
  ChannelEof,
  ChannelExtendedData,
  ChannelFailure,
  ChannelOpen,
  ChannelOpenConfirmation,
  ChannelOpenFailure,
  ChannelRequest,
  ChannelSuccess,
  ChannelWindowAdjust,
  GlobalRequest,
  RequestFailure,
  RequestSuccess,
} from '../../src/wire/messages/connection.ts';
import { Disconnect, Pong } from '../../src/wire/messages/transport.ts';
import { Attacker } from '../support/attacker.ts';
import { expectViolation } from '../support/death.ts';
import { RecordedChannel } from '../support/engine-pair.ts';
import { liveBytes } from '../support/measure.ts';

const none = new Uint8Array(0);
const small = { windowBytes: 100_000, maxPacketBytes: 32_768 };
const MiB = 1_048_576;
const data = (recipient: number, count: number) => ChannelData.encode({ recipient, data: new Uint8Array(count) });

describe.each(['client', 'server'] as const)('a %s', (victim) => {
  const open = () =>
    new Attacker({ victim, victimOptions: { onOpen: (request, peer) => void peer.accept(request, small) } }).reach('open');

  describe('with a window', () => {
    it('takes exactly what it has granted', () => {
      const attacker = open();
      const { channel, id } = attacker.channel(small);
      channel.consumeAtOnce = false;
      for (const count of [32_768, 32_768, 32_768, 1_696]) attacker.send(data(id, count));
      expect(attacker.victim.error).toBeNull();
      expect(channel.bytes).toBe(100_000);
      attacker.send(data(id, 1));
      expectViolation(attacker, 'window-exceeded');
      expect(channel.bytes).toBe(100_000);
    });

    it('gives no credit that the peer is not told of: none after our CLOSE', () => {
      const attacker = open();
      const { channel, id } = attacker.channel(small);
      channel.machine?.close();
      attacker.pull();
      for (const count of [32_768, 32_768, 32_768, 1_696]) attacker.send(data(id, count));
      expect(attacker.victim.error).toBeNull();
      expect(attacker.receivedOf(ChannelWindowAdjust.number)).toEqual([]);
      attacker.send(data(id, 1));
      expectViolation(attacker, 'window-exceeded');
    });

    it('says nothing of it to a peer that will send no more', () => {
      const attacker = open();
      const { channel, id } = attacker.channel(small);
      channel.consumeAtOnce = false;
      for (let i = 0; i < 3; i++) attacker.send(data(id, 30_000));
      attacker.send(ChannelEof.encode({ recipient: id }));
      channel.machine?.consume(90_000);
      expect(attacker.pull().receivedOf(ChannelWindowAdjust.number)).toEqual([]);
      expect(attacker.victim.error).toBeNull();
    });

    it('counts extended data, of whatever type, in the same window', () => {
      for (const type of [1, 0, 2, 0xffff_ffff]) {
        const attacker = open();
        const { channel, id } = attacker.channel(small);
        channel.consumeAtOnce = false;
        const extended = (count: number) => ChannelExtendedData.encode({ recipient: id, type, data: new Uint8Array(count) });
        attacker.send(data(id, 32_768)).send(data(id, 32_768)).send(data(id, 32_768)).send(extended(1_696));
        expect(attacker.victim.error).toBeNull();
        attacker.send(type === 1 ? extended(1) : data(id, 20_000));
        expectViolation(attacker, 'window-exceeded');
      }
    });

    it('gives credit back only for what was consumed, and all of it', () => {
      const attacker = open();
      const { channel, id } = attacker.channel(small);
      channel.consumeAtOnce = false;
      for (let i = 0; i < 3; i++) attacker.send(data(id, 30_000));
      channel.machine?.consume(1_000);
      expect(attacker.pull().receivedOf(ChannelWindowAdjust.number)).toHaveLength(0);
      channel.machine?.consume(59_000);
      attacker.pull();
      const adjusts = attacker.receivedOf(ChannelWindowAdjust.number).map((payload) => ChannelWindowAdjust.decode(payload).bytes);
      expect(adjusts).toEqual([60_000]);
      for (let i = 0; i < 2; i++) attacker.send(data(id, 32_768));
      attacker.send(data(id, 4_464));
      expect(attacker.victim.error).toBeNull();
      attacker.send(data(id, 1));
      expectViolation(attacker, 'window-exceeded');
    });

    it('credits extended data that nobody can read', () => {
      const attacker = open();
      const { channel, id } = attacker.channel(small);
      for (const type of [0, 2, 0xffff_ffff]) {
        for (let i = 0; i < 20; i++) {
          attacker.send(ChannelExtendedData.encode({ recipient: id, type, data: new Uint8Array(25_000) }));
        }
      }
      expect(attacker.victim.error).toBeNull();
      expect(channel.bytes).toBe(0);
      const credit = attacker
        .receivedOf(ChannelWindowAdjust.number)
        .reduce((sum, payload) => sum + ChannelWindowAdjust.decode(payload).bytes, 0);
      expect(credit).toBeGreaterThan(60 * 25_000 - 100_000);
    });

    it('drops data larger than a packet of its own may be', () => {
      const attacker = open();
      const { id } = attacker.channel(small);
      attacker.send(data(id, 32_768));
      expect(attacker.victim.error).toBeNull();
      attacker.send(data(id, 32_769));
      expectViolation(attacker, 'channel-packet-too-long');
    });

    it('drops a credit that takes the window above 2^32 - 1', () => {
      const attacker = open();
      const { id } = attacker.channel(small);
      attacker.send(ChannelWindowAdjust.encode({ recipient: id, bytes: 0x8000_0000 }));
      expect(attacker.victim.error).toBeNull();
      attacker.send(ChannelWindowAdjust.encode({ recipient: id, bytes: 1 }));
      expectViolation(attacker, 'window-overflow');
    });

    describe('that may grow', { timeout: 30_000 }, () => {
      /** Channels to a victim that has seen its question answered after ten seconds. */
      const slow = (count: number, windowBytes: number) => {
        const parameters = { windowBytes, maxPacketBytes: 32_768, maxWindowBytes: 128 * MiB };
        const attacker = new Attacker({
          victim,
          victimOptions: { onOpen: (request, peer) => void peer.accept(request, parameters) },
        }).reach('open');
        attacker.victim.engine.globalRequest('x', none, { reply: () => {}, abandon: () => {} });
        attacker.pull();
        attacker.victim.now += 10_000;
        attacker.send(RequestFailure.encode({}));
        return Array.from({ length: count }, () => ({ ...attacker.channel(parameters), attacker, credit: windowBytes }));
      };
      type Slow = ReturnType<typeof slow>[number];

      /** Sends all that may be sent on these channels, once. Returns the bytes. */
      const round = (channels: readonly Slow[], encode = data) => {
        let bytes = 0;
        for (const channel of channels) {
          const { attacker, id } = channel;
          attacker.received.length = 0;
          bytes += channel.credit;
          const payloads: Uint8Array[] = [];
          for (let left = channel.credit; left > 0; left -= 32_768) payloads.push(encode(id, Math.min(left, 32_768)));
          attacker.sendAll(payloads);
          const adjusts = attacker.receivedOf(ChannelWindowAdjust.number);
          channel.credit = adjusts.reduce((sum, payload) => sum + ChannelWindowAdjust.decode(payload).bytes, 0);
          attacker.victim.now += 100;
        }
        return bytes;
      };
      const window = ({ channel }: Slow) => channel.machine?.windowBytes as number;

      it('gives a peer that answers late no more than the budget, over all channels, and holds no more', () => {
        const channels = slow(2, 8 * MiB);
        const [{ attacker, id }] = channels as [Slow];
        for (let i = 0; i < 3; i++) round(channels);
        const most = 16 * MiB + limits.windowGrowthBytes;
        expect(channels.reduce((sum, channel) => sum + window(channel), 0)).toBe(most);
        for (const { channel } of channels) channel.consumeAtOnce = false;
        const sent = round(channels);
        expect(attacker.victim.error).toBeNull();
        expect(sent).toBeLessThanOrEqual(most);
        // The rest had not been worth a message yet.
        expect(sent).toBeGreaterThan((most * 3) / 4);
        attacker.send(data(id, 1));
        expectViolation(attacker, 'window-exceeded');
      });

      it('has its share back when a channel is over, and not twice', () => {
        const [first, second, third] = slow(3, 16 * MiB) as [Slow, Slow, Slow];
        for (let i = 0; i < 3; i++) round([first]);
        expect(window(first)).toBe(16 * MiB + limits.windowGrowthBytes);
        round([second]);
        expect(window(second)).toBe(16 * MiB);
        first.attacker.send(ChannelClose.encode({ recipient: first.id }));
        first.channel.machine?.close();
        first.channel.machine?.consume(MiB);
        expect(first.channel.closed).toEqual([null]);
        for (let i = 0; i < 2; i++) round([second]);
        const left = limits.windowGrowthBytes - (window(second) - 16 * MiB);
        expect(left).toBeLessThan(32 * MiB);
        for (let i = 0; i < 2; i++) round([third]);
        expect(window(third)).toBe(16 * MiB + left);
        expect(first.attacker.victim.error).toBeNull();
      });

      it('does not for data that nobody can read', () => {
        const channels = slow(1, 4 * MiB);
        const [one] = channels as [Slow];
        const undefinedType = (recipient: number, count: number) =>
          ChannelExtendedData.encode({ recipient, type: 7, data: new Uint8Array(count) });
        let sent = 0;
        for (let i = 0; i < 4; i++) sent += round(channels, undefinedType);
        expect(sent).toBeGreaterThan(12 * MiB);
        expect(window(one)).toBe(4 * MiB);
        round(channels);
        round(channels);
        expect(window(one)).toBeGreaterThan(5 * MiB);
      });

      it.each([
        ['channel', ({ machine }: RecordedChannel) => machine?.close()],
        ['connection', (_channel: RecordedChannel, { victim: peer }: Attacker) => peer.engine.close()],
      ])('does not on a %s that its user closes at that moment', (_what, close) => {
        const channels = slow(1, MiB);
        const [{ channel, attacker }] = channels as [Slow];
        channel.consumeAtOnce = false;
        channel.onReceived = () => {
          // Twice this is a quarter more than the window.
          if (channel.bytes !== 20 * 32_768) return;
          channel.machine?.consume(channel.bytes);
          // Still to be sent: the channel is not yet over.
          channel.machine?.write(new Uint8Array(1), 0);
          close(channel, attacker);
        };
        round(channels);
        expect(channel.bytes).toBe(20 * 32_768);
        expect(channel.machine?.windowBytes).toBe(MiB);
      });
    });

    it('never sends more than it was granted, and all of that', () => {
      const attacker = open();
      let sent = 0;
      const count = () => {
        for (const payload of attacker.receivedOf(ChannelData.number)) sent += ChannelData.decode(payload).data.length;
        attacker.received.length = 0;
        return sent;
      };
      const ours = 555;
      let channel: RecordedChannel;
      if (victim === 'client') {
        channel = attacker.victim.open();
        const { sender } = ChannelOpen.decode(attacker.pull().received.at(-1) as Uint8Array);
        attacker.send(
          ChannelOpenConfirmation.encode({ recipient: sender, sender: ours, windowBytes: 10, maxPacketBytes: 3, data: none }),
        );
      } else {
        attacker.send(ChannelOpen.encode({ kind: 'session', sender: ours, windowBytes: 10, maxPacketBytes: 3, data: none }));
        channel = attacker.victim.channels[0] as RecordedChannel;
      }
      const id = channel.machine?.localId as number;
      channel.machine?.write(new Uint8Array(100), 0);
      attacker.pull();
      for (const payload of attacker.receivedOf(ChannelData.number))
        expect(ChannelData.decode(payload).data.length).toBeLessThanOrEqual(3);
      expect(count()).toBe(10);
      attacker.send(ChannelWindowAdjust.encode({ recipient: id, bytes: 0 }));
      expect(count()).toBe(10);
      attacker.send(ChannelWindowAdjust.encode({ recipient: id, bytes: 50 }));
      expect(count()).toBe(60);
      attacker.send(ChannelWindowAdjust.encode({ recipient: id, bytes: 0x7fff_ffff }));
      expect(count()).toBe(100);
    });
  });

  describe('with channel numbers', () => {
    const messages: readonly [string, (recipient: number) => Uint8Array][] = [
      [
        'CONFIRMATION',
        (recipient) => ChannelOpenConfirmation.encode({ recipient, sender: 1, windowBytes: 1, maxPacketBytes: 1, data: none }),
      ],
      ['OPEN_FAILURE', (recipient) => ChannelOpenFailure.encode({ recipient, reason: 1, description: '', language: '' })],
      ['WINDOW_ADJUST', (recipient) => ChannelWindowAdjust.encode({ recipient, bytes: 1 })],
      ['DATA', (recipient) => data(recipient, 1)],
      ['EXTENDED_DATA', (recipient) => ChannelExtendedData.encode({ recipient, type: 1, data: Uint8Array.of(1) })],
      ['EOF', (recipient) => ChannelEof.encode({ recipient })],
      ['CLOSE', (recipient) => ChannelClose.encode({ recipient })],
      ['REQUEST', (recipient) => ChannelRequest.encode({ recipient, request: 'x', wantReply: true, data: none })],
      ['SUCCESS', (recipient) => ChannelSuccess.encode({ recipient })],
      ['FAILURE', (recipient) => ChannelFailure.encode({ recipient })],
    ];

    it.each(messages)('drops %s for a channel that there never was', (_name, make) => {
      for (const recipient of [0, 1, 2 ** 31, 2 ** 32 - 1]) {
        const attacker = open();
        attacker.send(make(recipient));
        expectViolation(attacker, 'unknown-channel');
      }
    });

    it.each(messages)('drops %s for a channel that is closed', (_name, make) => {
      const attacker = open();
      const { channel, id } = attacker.channel();
      attacker.send(ChannelClose.encode({ recipient: id }));
      expect(attacker.receivedOf(ChannelClose.number)).toHaveLength(1);
      expect(channel.closed).toEqual([null]);
      expect(attacker.victim.engine.channelCount).toBe(0);
      attacker.send(make(id));
      expectViolation(attacker, 'unknown-channel');
    });

    it.each(messages.slice(0, 2))('drops %s for a channel that is open already', (_name, make) => {
      const attacker = open();
      const { channel, id } = attacker.channel();
      attacker.send(make(id));
      expectViolation(attacker, 'unknown-channel');
      expect(channel.settled.length).toBe(victim === 'client' ? 1 : 0);
    });
  });

  describe('with the end of a channel', () => {
    it.each([
      ['DATA', (recipient: number) => data(recipient, 1)],
      ['EXTENDED_DATA', (recipient: number) => ChannelExtendedData.encode({ recipient, type: 1, data: Uint8Array.of(1) })],
      ['EOF', (recipient: number) => ChannelEof.encode({ recipient })],
    ])('drops %s after EOF', (_name, make) => {
      const attacker = open();
      const { channel, id } = attacker.channel();
      attacker.send(ChannelEof.encode({ recipient: id })).send(make(id));
      expectViolation(attacker, 'channel-out-of-order');
      expect([channel.eofs, channel.bytes]).toEqual([1, 0]);
    });

    it('takes requests and credit after EOF', () => {
      const attacker = open();
      const { channel, id } = attacker.channel();
      attacker.send(ChannelEof.encode({ recipient: id }));
      attacker.send(ChannelWindowAdjust.encode({ recipient: id, bytes: 10 }));
      attacker.send(ChannelRequest.encode({ recipient: id, request: 'exit-status', wantReply: false, data: new Uint8Array(4) }));
      expect(attacker.victim.error).toBeNull();
      expect(channel.requests).toHaveLength(1);
    });

    it('drops what comes for a channel that we have closed, and still wants its CLOSE', () => {
      const attacker = open();
      const { channel, id } = attacker.channel();
      channel.machine?.close();
      attacker.pull().send(data(id, 100));
      attacker.send(ChannelRequest.encode({ recipient: id, request: 'x', wantReply: true, data: none }));
      attacker.send(ChannelEof.encode({ recipient: id }));
      expect([channel.bytes, channel.requests.length, channel.eofs]).toEqual([0, 0, 0]);
      expect(channel.closed).toEqual([]);
      attacker.send(ChannelClose.encode({ recipient: id }));
      expect(channel.closed).toEqual([null]);
      expect(attacker.receivedOf(ChannelClose.number)).toHaveLength(1);
      // After our CLOSE not a word more about this channel.
      expect(attacker.received.at(-1)?.[0]).toBe(ChannelClose.number);
    });

    it('throws away what is queued when the peer closes, and tells each waiter once', () => {
      const attacker = open();
      const { channel, id } = attacker.channel();
      const waiter = { reply: vi.fn(), abandon: vi.fn() };
      channel.machine?.request('x', none, waiter);
      attacker.pull().send(ChannelClose.encode({ recipient: id }));
      expect(waiter.reply).not.toHaveBeenCalled();
      expect(waiter.abandon).toHaveBeenCalledTimes(1);
      expect(() => channel.machine?.write(Uint8Array.of(1), 0)).toThrow(
        expect.objectContaining({ code: 'ERR_SSH_CHANNEL_CLOSED' }),
      );
      expect(() => channel.machine?.request('x', none, null)).toThrow(
        expect.objectContaining({ code: 'ERR_SSH_CHANNEL_CLOSED' }),
      );
      channel.machine?.consume(5);
      channel.machine?.eof();
      channel.machine?.close();
      expect(attacker.pull().receivedOf(ChannelClose.number)).toHaveLength(1);
      expect(attacker.victim.error).toBeNull();
    });
  });

  describe('with opens', () => {
    it('refuses a maximum packet size of 0, and accepts one of 2^32 - 1 without believing it', () => {
      const attacker = open();
      attacker.send(ChannelOpen.encode({ kind: 'session', sender: 3, windowBytes: 5, maxPacketBytes: 0, data: none }));
      expect(ChannelOpenFailure.decode(attacker.received.at(-1) as Uint8Array)).toMatchObject({ recipient: 3 });
      attacker.send(
        ChannelOpen.encode({ kind: 'session', sender: 4, windowBytes: 2 ** 31, maxPacketBytes: 2 ** 32 - 1, data: none }),
      );
      const channel = attacker.victim.channels[0] as RecordedChannel;
      channel.machine?.write(new Uint8Array(100_000), 0);
      attacker.pull();
      const sizes = attacker.receivedOf(ChannelData.number).map((payload) => ChannelData.decode(payload).data.length);
      expect(Math.max(...sizes)).toBe(32_768);
    });

    it('drops a confirmation with a maximum packet size of 0, and tells the waiter', () => {
      const attacker = open();
      const channel = attacker.victim.open();
      const { sender } = ChannelOpen.decode(attacker.pull().received.at(-1) as Uint8Array);
      attacker.send(
        ChannelOpenConfirmation.encode({ recipient: sender, sender: 1, windowBytes: 1, maxPacketBytes: 0, data: none }),
      );
      expectViolation(attacker, 'bad-channel-parameters');
      expect(channel.settled).toEqual([attacker.victim.error]);
    });

    it('drops a second confirmation', () => {
      const attacker = open();
      const channel = attacker.victim.open();
      const { sender } = ChannelOpen.decode(attacker.pull().received.at(-1) as Uint8Array);
      const confirmation = ChannelOpenConfirmation.encode({
        recipient: sender,
        sender: 1,
        windowBytes: 1,
        maxPacketBytes: 1,
        data: none,
      });
      attacker.send(confirmation).send(confirmation);
      expectViolation(attacker, 'unknown-channel');
      expect(channel.settled).toEqual(['opened']);
    });

    it('passes on the reason of a refusal, with nothing in it that could drive a terminal', () => {
      const attacker = open();
      const channel = attacker.victim.open();
      const { sender } = ChannelOpen.decode(attacker.pull().received.at(-1) as Uint8Array);
      const description = `no\x1b]0;owned\x07\r\n\u202e${'x'.repeat(5_000)}`;
      attacker.send(ChannelOpenFailure.encode({ recipient: sender, reason: 2, description, language: '' }));
      const error = channel.settled[0] as SSHError;
      expect(error).toBeInstanceOf(ChannelOpenError);
      expect(error).toMatchObject({ reason: 2, description });
      expect(error.message).toContain('\\x1b]0;owned\\x07\\x0d\\x0a\\u202e');
      expect(error.message).not.toMatch(/[\p{Cc}\u202a-\u202e]/u);
      expect(error.message.length).toBeLessThan(1_200);
    });

    it('answers a late confirmation of an open that was given up with CLOSE', () => {
      const attacker = open();
      const waiter = { opened: vi.fn(), refused: vi.fn() };
      const giveUp = attacker.victim.engine.openChannel('session', none, small, new RecordedChannel(), waiter);
      const { sender } = ChannelOpen.decode(attacker.pull().received.at(-1) as Uint8Array);
      giveUp();
      attacker.send(
        ChannelOpenConfirmation.encode({ recipient: sender, sender: 9, windowBytes: 1, maxPacketBytes: 1, data: none }),
      );
      expect(ChannelClose.decode(attacker.received.at(-1) as Uint8Array).recipient).toBe(9);
      attacker.send(ChannelClose.encode({ recipient: sender }));
      expect(attacker.victim.engine.channelCount).toBe(0);
      expect(waiter.opened).not.toHaveBeenCalled();
      expect(waiter.refused).not.toHaveBeenCalled();
    });

    it('refuses more than 1024 channels at once', () => {
      const attacker = open();
      for (let i = 0; i < 1_030; i++) {
        attacker.send(ChannelOpen.encode({ kind: 'session', sender: i, windowBytes: 1, maxPacketBytes: 1, data: none }));
      }
      expect(attacker.receivedOf(ChannelOpenFailure.number)).toHaveLength(6);
      expect(attacker.victim.engine.channelCount).toBe(1_024);
      expect(attacker.victim.error).toBeNull();
    });

    it('refuses more than 1024 that nobody has decided about', () => {
      const attacker = new Attacker({ victim, victimOptions: { onOpen: () => {} } }).reach('open');
      for (let i = 0; i < 1_030; i++) {
        attacker.send(ChannelOpen.encode({ kind: 'session', sender: i, windowBytes: 1, maxPacketBytes: 1, data: none }));
      }
      expect(attacker.receivedOf(ChannelOpenFailure.number)).toHaveLength(6);
    });

    it('stays flat over 100,000 opens that are refused', { timeout: 30_000 }, () => {
      const attacker = new Attacker({ victim, victimOptions: { onOpen: (request) => request.refuse(1, 'no') } }).reach('open');
      const round = (count: number) => {
        for (let i = 0; i < count; i += 1_000) {
          attacker.sendAll(
            Array.from({ length: 1_000 }, (_, index) =>
              ChannelOpen.encode({ kind: 'x', sender: index, windowBytes: 1, maxPacketBytes: 1, data: none }),
            ),
          );
          attacker.received.length = 0;
        }
      };
      round(20_000);
      const before = liveBytes();
      round(80_000);
      expect(liveBytes() - before).toBeLessThan(1_000_000);
      expect(attacker.victim.engine.channelCount).toBe(0);
      expect(attacker.victim.error).toBeNull();
    });
  });

  describe('with replies', () => {
    it.each([
      ['REQUEST_SUCCESS', RequestSuccess.encode({ data: none })],
      ['REQUEST_FAILURE', RequestFailure.encode({})],
      ['PONG', Pong.encode({ data: none })],
    ])('drops %s to nothing', (_name, payload) => {
      const attacker = open();
      attacker.send(payload);
      expectViolation(attacker, 'unexpected-reply');
    });

    it.each([
      ['SUCCESS', (recipient: number) => ChannelSuccess.encode({ recipient })],
      ['FAILURE', (recipient: number) => ChannelFailure.encode({ recipient })],
    ])('drops CHANNEL_%s to nothing', (_name, make) => {
      const attacker = open();
      const { channel, id } = attacker.channel();
      // One without reply does not count.
      channel.machine?.request('x', none, null);
      attacker.pull().send(make(id));
      expectViolation(attacker, 'unexpected-reply');
    });

    it('gives each to its own request, also where one has given up', () => {
      const attacker = open();
      const answers: string[] = [];
      const waiter = (name: string) => ({
        reply: (bytes: Uint8Array | null) => void answers.push(`${name} ${bytes === null ? 'no' : 'yes'}`),
        abandon: () => void answers.push(`${name} abandoned`),
      });
      const { channel, id } = attacker.channel();
      for (const name of ['first', 'second', 'third']) channel.machine?.request(name, none, waiter(name));
      for (const name of ['one', 'two']) attacker.victim.engine.globalRequest(name, none, waiter(name));
      attacker.pull();
      attacker.send(ChannelFailure.encode({ recipient: id })).send(ChannelSuccess.encode({ recipient: id }));
      attacker.send(RequestSuccess.encode({ data: none }));
      attacker.send(Disconnect.encode({ reason: 11, description: '', language: '' }));
      expect(answers).toEqual(['first no', 'second yes', 'one yes', 'third abandoned', 'two abandoned']);
    });

    it('sends its own in the order of the requests, however late each is decided', () => {
      const attacker = new Attacker({ victim, victimOptions: { onGlobal: () => {} } }).reach('open');
      const { channel, id } = attacker.channel();
      channel.onRequested = () => {};
      for (const request of ['a', 'b', 'c']) {
        attacker.send(GlobalRequest.encode({ request, wantReply: true, data: none }));
        attacker.send(ChannelRequest.encode({ recipient: id, request, wantReply: true, data: none }));
      }
      attacker.received.length = 0;
      const { globals } = attacker.victim;
      globals[2]?.reply(encodeUtf8('c'));
      globals[2]?.reply(encodeUtf8('twice'));
      globals[0]?.reply(null);
      globals[0]?.reply(encodeUtf8('twice'));
      channel.requests[1]?.reply(true);
      expect(attacker.pull().received.map((payload) => payload[0])).toEqual([RequestFailure.number]);
      globals[1]?.reply(encodeUtf8('b'));
      channel.requests[0]?.reply(false);
      channel.requests[2]?.reply(true);
      attacker.pull();
      expect(attacker.receivedOf(RequestSuccess.number).map((payload) => payload[1])).toEqual([98, 99]);
      const channelReplies = attacker.received
        .filter((payload) => payload[0] === 99 || payload[0] === 100)
        .map((payload) => payload[0]);
      expect(channelReplies).toEqual([100, 99, 99]);
    });

    it('does not send the reply to a request of a channel that has closed meanwhile', () => {
      const attacker = open();
      const { channel, id } = attacker.channel();
      channel.onRequested = () => {};
      attacker.send(ChannelRequest.encode({ recipient: id, request: 'a', wantReply: true, data: none }));
      attacker.send(ChannelClose.encode({ recipient: id }));
      const count = attacker.received.length;
      channel.requests[0]?.reply(true);
      expect(attacker.pull().received).toHaveLength(count);
    });
  });

  it('survives every message cut at every byte, and made longer', () => {
    const id = 0;
    const all = [
      GlobalRequest.encode({ request: 'x', wantReply: true, data: none }),
      ChannelOpen.encode({ kind: 'x', sender: 1, windowBytes: 1, maxPacketBytes: 1, data: none }),
      ChannelOpenConfirmation.encode({ recipient: id, sender: 1, windowBytes: 1, maxPacketBytes: 1, data: none }),
      ChannelOpenFailure.encode({ recipient: id, reason: 1, description: 'x', language: '' }),
      ChannelWindowAdjust.encode({ recipient: id, bytes: 1 }),
      data(id, 5),
      ChannelExtendedData.encode({ recipient: id, type: 1, data: new Uint8Array(5) }),
      ChannelEof.encode({ recipient: id }),
      ChannelClose.encode({ recipient: id }),
      ChannelRequest.encode({ recipient: id, request: 'pty-req', wantReply: true, data: new Uint8Array(9) }),
      ChannelSuccess.encode({ recipient: id }),
    ];
    const attempts = all.flatMap((payload) => [
      ...Array.from({ length: payload.length - 1 }, (_, index) => payload.subarray(0, index + 1)),
      concat(payload, Uint8Array.of(0)),
    ]);
    for (const payload of attempts) {
      const attacker = open();
      attacker.channel();
      attacker.send(payload);
      const { error } = attacker.victim;
      if (error !== null) expect(error).toMatchObject({ code: 'ERR_SSH_PROTOCOL', disconnectReason: 2 });
    }
  });
});
