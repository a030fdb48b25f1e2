/*
 * ChaCha20 (the original variant: 64-bit block counter, 64-bit nonce) and Poly1305 (RFC 8439 section 2.5), put together as
 * chacha20-poly1305@openssh.com needs them (OpenSSH PROTOCOL.chacha20poly1305). Freestanding C without a stack, compiled to
 * WebAssembly by scripts/build-wasm.mjs, once with 128-bit SIMD and once without; the bytes are committed.
 *
 * Invariants: no branch and no address depends on a secret; the tag is compared before a body is decrypted; every exported
 * function that ends a use of the key leaves `secret` zeroed.
 */
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;
/* Four blocks side by side: vector i holds word i of each. Without SIMD the compiler splits it into four scalars. */
typedef u32 v4 __attribute__((vector_size(16)));

#define EXPORT(name) __attribute__((export_name(#name))) name
#define DATA_BYTES 40960

/* Everything a key can be read back from. */
static struct {
  u8 keys[64];    /* set by the caller: the body's and MAC's key, then the length field's */
  u8 stream[256]; /* four blocks of key stream */
  u64 r[5], r2[5];
  u32 h[5], pad[4];
} secret;

static u8 tag[16];
static u8 data[DATA_BYTES];

u8 *EXPORT(keysAddress)(void) { return secret.keys; }
u8 *EXPORT(tagAddress)(void) { return tag; }
u8 *EXPORT(dataAddress)(void) { return data; }
u32 EXPORT(dataBytes)(void) { return DATA_BYTES; }

static inline u32 load32(const u8 *from) {
  u32 word;
  __builtin_memcpy(&word, from, 4); /* WebAssembly is little-endian and allows unaligned access */
  return word;
}

static inline void store32(u8 *to, u32 word) { __builtin_memcpy(to, &word, 4); }

static inline u64 load64(const u8 *from) {
  u64 word;
  __builtin_memcpy(&word, from, 8);
  return word;
}

void EXPORT(wipe)(void) {
  __builtin_memset(&secret, 0, sizeof secret);
  __asm__ volatile("" ::: "memory");
}

/* ---- ChaCha20 (RFC 8439 section 2.1 to 2.3, with the original split of the last four words) ---- */

#define ROTATE(x, n) (((x) << (n)) | ((x) >> (32 - (n))))

#define QUARTER(a, b, c, d) \
  a += b; d ^= a; d = ROTATE(d, 16); \
  c += d; b ^= c; b = ROTATE(b, 12); \
  a += b; d ^= a; d = ROTATE(d, 8); \
  c += d; b ^= c; b = ROTATE(b, 7);

#define TEN_DOUBLE_ROUNDS \
  for (int round = 0; round < 10; round++) { \
    QUARTER(x0, x4, x8, x12) QUARTER(x1, x5, x9, x13) QUARTER(x2, x6, x10, x14) QUARTER(x3, x7, x11, x15) \
    QUARTER(x0, x5, x10, x15) QUARTER(x1, x6, x11, x12) QUARTER(x2, x7, x8, x13) QUARTER(x3, x4, x9, x14) \
  }

#define SPLAT(x) ((v4){(x), (x), (x), (x)})

/* Transposes words i..i+3 of four blocks into place: out[block * 64 + i * 4]. */
static inline void spread(u8 *out, v4 a, v4 b, v4 c, v4 d) {
  v4 ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), abHigh = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  v4 cd = __builtin_shufflevector(c, d, 0, 4, 1, 5), cdHigh = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  v4 row0 = __builtin_shufflevector(ab, cd, 0, 1, 4, 5), row1 = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
  v4 row2 = __builtin_shufflevector(abHigh, cdHigh, 0, 1, 4, 5), row3 = __builtin_shufflevector(abHigh, cdHigh, 2, 3, 6, 7);
  __builtin_memcpy(out, &row0, 16);
  __builtin_memcpy(out + 64, &row1, 16);
  __builtin_memcpy(out + 128, &row2, 16);
  __builtin_memcpy(out + 192, &row3, 16);
}

/* Blocks counter .. counter + 3 of the body's key stream into secret.stream. */
static __attribute__((noinline)) void fourBlocks(u32 sequence, u32 counter) {
  const u8 *key = secret.keys;
  v4 k4 = SPLAT(load32(key)), k5 = SPLAT(load32(key + 4)), k6 = SPLAT(load32(key + 8)), k7 = SPLAT(load32(key + 12));
  v4 k8 = SPLAT(load32(key + 16)), k9 = SPLAT(load32(key + 20)), k10 = SPLAT(load32(key + 24)), k11 = SPLAT(load32(key + 28));
  v4 k12 = {counter, counter + 1, counter + 2, counter + 3}, k15 = SPLAT(__builtin_bswap32(sequence));
  v4 x0 = SPLAT(0x61707865), x1 = SPLAT(0x3320646e), x2 = SPLAT(0x79622d32), x3 = SPLAT(0x6b206574);
  v4 x4 = k4, x5 = k5, x6 = k6, x7 = k7, x8 = k8, x9 = k9, x10 = k10, x11 = k11;
  v4 x12 = k12, x13 = SPLAT(0), x14 = SPLAT(0), x15 = k15;
  TEN_DOUBLE_ROUNDS
  spread(secret.stream, x0 + 0x61707865, x1 + 0x3320646e, x2 + 0x79622d32, x3 + 0x6b206574);
  spread(secret.stream + 16, x4 + k4, x5 + k5, x6 + k6, x7 + k7);
  spread(secret.stream + 32, x8 + k8, x9 + k9, x10 + k10, x11 + k11);
  spread(secret.stream + 48, x12 + k12, x13, x14, x15 + k15);
}

/* Block 0 of one of the two keys (`key` is where it lies), which is all that the length field and the MAC's key need. */
static __attribute__((noinline)) void firstBlock(u32 sequence, const u8 *key, u8 *out, int words) {
  u32 x0 = 0x61707865, x1 = 0x3320646e, x2 = 0x79622d32, x3 = 0x6b206574;
  u32 x4 = load32(key), x5 = load32(key + 4), x6 = load32(key + 8), x7 = load32(key + 12);
  u32 x8 = load32(key + 16), x9 = load32(key + 20), x10 = load32(key + 24), x11 = load32(key + 28);
  u32 x12 = 0, x13 = 0, x14 = 0, x15 = __builtin_bswap32(sequence);
  TEN_DOUBLE_ROUNDS
  store32(out, x0 + 0x61707865);
  if (words == 1) return;
  store32(out + 4, x1 + 0x3320646e);
  store32(out + 8, x2 + 0x79622d32);
  store32(out + 12, x3 + 0x6b206574);
  store32(out + 16, x4 + load32(key));
  store32(out + 20, x5 + load32(key + 4));
  store32(out + 24, x6 + load32(key + 8));
  store32(out + 28, x7 + load32(key + 12));
}

/* Exclusive-or of `length` bytes with the stream, in place. */
static __attribute__((noinline)) void mix(u8 *bytes, const u8 *stream, u32 length) {
  u32 i = 0;
  for (; i + 16 <= length; i += 16) {
    v4 a, b;
    __builtin_memcpy(&a, bytes + i, 16);
    __builtin_memcpy(&b, stream + i, 16);
    a ^= b;
    __builtin_memcpy(bytes + i, &a, 16);
  }
  for (; i < length; i++) bytes[i] ^= stream[i];
}

/* The body's cipher over `bytes`, in place, from block `counter` on. */
static __attribute__((noinline)) void crypt(u32 sequence, u32 counter, u8 *bytes, u32 length) {
  while (length > 0) {
    u32 now = length < 256 ? length : 256;
    fourBlocks(sequence, counter);
    mix(bytes, secret.stream, now);
    counter += 4;
    bytes += now;
    length -= now;
  }
}

/* ---- Poly1305 with five limbs of 26 bits; products of 32-bit limbs fit the 64-bit multiplication WebAssembly has ---- */

#define LIMB 0x3ffffffu

/* One message block as limbs; `top` is the bit appended to it (RFC 8439 section 2.5.1), already shifted. */
#define BLOCK(m, at, top) \
  u64 m##low = load64(at), m##high = load64((at) + 8); \
  u64 m##0 = m##low & LIMB, m##1 = (m##low >> 26) & LIMB, m##2 = ((m##low >> 52) | (m##high << 12)) & LIMB; \
  u64 m##3 = (m##high >> 14) & LIMB, m##4 = (m##high >> 40) | (top);

/* d (op) a * b mod 2^130 - 5, where b's limbs are b0..b4 and bs1..bs4 are five times b1..b4. */
#define MULTIPLY(op, a, b) \
  d0 op a##0 * b##0 + a##1 * b##s4 + a##2 * b##s3 + a##3 * b##s2 + a##4 * b##s1; \
  d1 op a##0 * b##1 + a##1 * b##0 + a##2 * b##s4 + a##3 * b##s3 + a##4 * b##s2; \
  d2 op a##0 * b##2 + a##1 * b##1 + a##2 * b##0 + a##3 * b##s4 + a##4 * b##s3; \
  d3 op a##0 * b##3 + a##1 * b##2 + a##2 * b##1 + a##3 * b##0 + a##4 * b##s4; \
  d4 op a##0 * b##4 + a##1 * b##3 + a##2 * b##2 + a##3 * b##1 + a##4 * b##0;

/* Two interleaved chains of carries: afterwards every limb is below 2^26 but h1 and h4, which may exceed it by a few bits. */
#define CARRY(h) \
  d1 += d0 >> 26; d4 += d3 >> 26; h##0 = d0 & LIMB; h##3 = d3 & LIMB; \
  d2 += d1 >> 26; h##0 += (d4 >> 26) * 5; h##1 = d1 & LIMB; h##4 = d4 & LIMB; \
  h##3 += d2 >> 26; h##1 += h##0 >> 26; h##2 = d2 & LIMB; h##0 &= LIMB; \
  h##4 += h##3 >> 26; h##3 &= LIMB;

#define FACTOR(b, from) \
  u64 b##0 = from[0], b##1 = from[1], b##2 = from[2], b##3 = from[3], b##4 = from[4]; \
  u64 b##s1 = b##1 * 5, b##s2 = b##2 * 5, b##s3 = b##3 * 5, b##s4 = b##4 * 5;

static __attribute__((noinline)) void polyKey(const u8 *key) {
  u64 low = load64(key) & 0x0ffffffc0fffffffull, high = load64(key + 8) & 0x0ffffffc0ffffffcull;
  secret.r[0] = low & LIMB;
  secret.r[1] = (low >> 26) & LIMB;
  secret.r[2] = ((low >> 52) | (high << 12)) & LIMB;
  secret.r[3] = (high >> 14) & LIMB;
  secret.r[4] = high >> 40;
  FACTOR(r, secret.r)
  u64 d0, d1, d2, d3, d4, h0, h1, h2, h3, h4;
  MULTIPLY(=, r, r)
  CARRY(h)
  secret.r2[0] = h0; secret.r2[1] = h1; secret.r2[2] = h2; secret.r2[3] = h3; secret.r2[4] = h4;
  for (int i = 0; i < 5; i++) secret.h[i] = 0;
  for (int i = 0; i < 4; i++) secret.pad[i] = load32(key + 16 + i * 4);
}

/* Takes whole blocks two at a time: h = (h + m) * r^2 + n * r, so that the two products do not wait for each other. */
static __attribute__((noinline)) void polyBlocks(const u8 *bytes, u32 length) {
  FACTOR(r, secret.r)
  FACTOR(q, secret.r2)
  u64 h0 = secret.h[0], h1 = secret.h[1], h2 = secret.h[2], h3 = secret.h[3], h4 = secret.h[4];
  u64 d0, d1, d2, d3, d4;
  while (length >= 32) {
    BLOCK(m, bytes, 1u << 24)
    BLOCK(n, bytes + 16, 1u << 24)
    h0 += m0; h1 += m1; h2 += m2; h3 += m3; h4 += m4;
    MULTIPLY(=, h, q)
    MULTIPLY(+=, n, r)
    CARRY(h)
    bytes += 32;
    length -= 32;
  }
  if (length >= 16) {
    BLOCK(m, bytes, 1u << 24)
    h0 += m0; h1 += m1; h2 += m2; h3 += m3; h4 += m4;
    MULTIPLY(=, h, r)
    CARRY(h)
    bytes += 16;
    length -= 16;
  }
  if (length > 0) {
    /* The last, partial block: a one right after the message, zeros after it. `tag` is free until the end. */
    for (u32 i = 0; i < 16; i++) tag[i] = 0;
    for (u32 i = 0; i < length; i++) tag[i] = bytes[i];
    tag[length] = 1;
    BLOCK(m, tag, 0)
    h0 += m0; h1 += m1; h2 += m2; h3 += m3; h4 += m4;
    MULTIPLY(=, h, r)
    CARRY(h)
  }
  secret.h[0] = h0; secret.h[1] = h1; secret.h[2] = h2; secret.h[3] = h3; secret.h[4] = h4;
}

/* Reduces h fully, adds the pad and leaves the result in `tag`. */
static __attribute__((noinline)) void polyEnd(void) {
  u32 h0 = secret.h[0], h1 = secret.h[1], h2 = secret.h[2], h3 = secret.h[3], h4 = secret.h[4];
  h2 += h1 >> 26; h1 &= LIMB;
  h3 += h2 >> 26; h2 &= LIMB;
  h4 += h3 >> 26; h3 &= LIMB;
  h0 += (h4 >> 26) * 5; h4 &= LIMB;
  h1 += h0 >> 26; h0 &= LIMB;
  /* g = h + 5 - 2^130: where that does not go below zero, it is the reduced value. */
  u32 g0 = h0 + 5, g1 = h1 + (g0 >> 26), g2 = h2 + (g1 >> 26), g3 = h3 + (g2 >> 26), g4 = h4 + (g3 >> 26) - (1u << 26);
  u32 keep = (u32)((int)g4 >> 31);
  h0 = (h0 & keep) | (g0 & LIMB & ~keep);
  h1 = (h1 & keep) | (g1 & LIMB & ~keep);
  h2 = (h2 & keep) | (g2 & LIMB & ~keep);
  h3 = (h3 & keep) | (g3 & LIMB & ~keep);
  h4 = (h4 & keep) | (g4 & LIMB & ~keep);
  u64 sum = (u64)(h0 | (h1 << 26)) + secret.pad[0];
  store32(tag, (u32)sum);
  sum = (u64)((h1 >> 6) | (h2 << 20)) + secret.pad[1] + (sum >> 32);
  store32(tag + 4, (u32)sum);
  sum = (u64)((h2 >> 12) | (h3 << 14)) + secret.pad[2] + (sum >> 32);
  store32(tag + 8, (u32)sum);
  sum = (u64)((h3 >> 18) | (h4 << 8)) + secret.pad[3] + (sum >> 32);
  store32(tag + 12, (u32)sum);
}

/* 1 where the 16 bytes equal `tag`, else 0, in constant time. */
static inline u32 fits(const u8 *received) {
  u64 difference = (load64(tag) ^ load64(received)) | (load64(tag + 8) ^ load64(received + 8));
  return (u32)(1 ^ ((difference | (0 - difference)) >> 63));
}

/* ---- In pieces: for packets whose body node:crypto encrypts, and for those longer than `data` ---- */

/* Starts the MAC of packet `sequence` with block 0 of the body's key; `keys` has to be set. */
void EXPORT(macBegin)(u32 sequence) {
  firstBlock(sequence, secret.keys, secret.stream, 8);
  polyKey(secret.stream);
}

/* data[0 .. length), a multiple of 16 in every call but the last. */
void EXPORT(macUpdate)(u32 length) { polyBlocks(data, length); }

/* Leaves the result in `tag` and forgets the key. */
void EXPORT(macEnd)(void) {
  polyEnd();
  wipe();
}

/* Leaves the result in `tag`, which must equal data[offset .. offset + 16): 1, else 0. Forgets the key. */
u32 EXPORT(macFits)(u32 offset) {
  polyEnd();
  wipe();
  return fits(data + offset);
}

/* Poly1305 alone, its 32-byte key being the first half of `keys`: lets tests reach it with chosen keys. */
void EXPORT(polyBegin)(void) { polyKey(secret.keys); }

/* Encrypts or decrypts data[0 .. length) with the body's key from block `counter` on; a multiple of 256 but at the end. */
void EXPORT(cryptBody)(u32 sequence, u32 counter, u32 length) { crypt(sequence, counter, data, length); }

/* Encrypts or decrypts the length field in data[0 .. 4) and forgets the keys. */
void EXPORT(cryptLength)(u32 sequence) {
  firstBlock(sequence, secret.keys + 32, secret.stream, 1);
  store32(data, load32(data) ^ load32(secret.stream));
  wipe();
}

/* ---- In one go: packets that fit into `data` ---- */

/* The key stream for a MAC's key and the first 192 bytes of a body come out of one call. */
static inline void start(u32 sequence) {
  fourBlocks(sequence, 0);
  polyKey(secret.stream);
}

static inline void cryptSmall(u32 sequence, u32 length) {
  u32 now = length < 192 ? length : 192;
  mix(data + 4, secret.stream + 64, now);
  crypt(sequence, 4, data + 4 + now, length - now);
}

/* data: length field || body of `length` bytes together, in clear; becomes the packet in cipher, its tag behind it. */
void EXPORT(seal)(u32 sequence, u32 length) {
  firstBlock(sequence, secret.keys + 32, secret.stream, 1);
  store32(data, load32(data) ^ load32(secret.stream));
  start(sequence);
  cryptSmall(sequence, length - 4);
  polyBlocks(data, length);
  polyEnd();
  __builtin_memcpy(data + length, tag, 16);
  wipe();
}

/* data: length field || body || tag as received, `length` without the tag. 1 and the body decrypted, or 0 and nothing. */
u32 EXPORT(open)(u32 sequence, u32 length) {
  start(sequence);
  polyBlocks(data, length);
  polyEnd();
  u32 good = fits(data + length);
  if (good) cryptSmall(sequence, length - 4);
  wipe();
  return good;
}
