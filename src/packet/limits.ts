// Every bound on what one packet or one queue may hold, in one place. The figures are OpenSSH's unless a comment says why not.

export const limits = {
  /** packet_length that we accept once authenticated, bytes (OpenSSH PACKET_MAX_SIZE). */
  packetBytes: 262_144,
  /** Before authentication RFC 4253 section 6.1's minimum is enough, and an unknown peer can make us hold no more. */
  preAuthPacketBytes: 35_000,
  /** Payload after decompression; inflating stops here (russh CVE-2026-46702). */
  inflatedBytes: 262_144,
  /** Channel data in one packet that we announce, bytes. */
  channelPacketBytes: 32_768,
  /** Receive window that we announce, bytes (64 packets, OpenSSH's CHAN_SES_WINDOW_DEFAULT). */
  windowBytes: 2_097_152,
  /** How far a window may grow, bytes: 640 MB/s over a round trip of 100 ms. */
  maxWindowBytes: 67_108_864,
  /**
   * What all windows of a connection may grow by, bytes: one of them to the full, or many a little. Without this a peer with
   * 1,024 channels, a fast reader behind each and slow answers of its own could have 64 GiB of credit.
   */
  windowGrowthBytes: 67_108_864,
  /** Messages held back while keys are exchanged, bytes. Only replies and window adjustments can pile up there. */
  heldBytes: 65_536,
  /** Bytes that may still come in after we asked for new keys and before the peer answers: paramiko's figure. */
  rekeyIgnoredBytes: 536_870_912,
  /** Packets under one key: the sequence number, which is nonce or MAC input, must not come round (RFC 4344 section 3.1). */
  packetsPerKey: 4_294_967_296,
  /** Sealed bytes waiting for the stream before channels must wait. */
  outboxBytes: 1_048_576,
  /** Sealed bytes at which a peer that makes us answer and doesn't read is no longer read from. */
  outboxStopBytes: 4_194_304,
  /** Channels at once that the peer may have open. */
  channels: 1_024,
  /** The shortest RSA key that proves anything (OpenSSH RequiredRSASize is 1024 there; 2048 is what NIST SP 800-131A asks for). */
  rsaBits: 2_048,
  /** Requests of the peer that wait for our user's answer, per channel and per connection. */
  pendingRequests: 128,
} as const;
