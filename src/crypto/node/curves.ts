/**
 * The three NIST curves of RFC 5656 section 10.1 under the names that SSH, OpenSSL and JWK have for them, with the length of
 * a coordinate and the fixed DER in front of an uncompressed point in a SubjectPublicKeyInfo (RFC 5480).
 */
import type { CurveName } from '../provider.ts';

export interface Curve {
  readonly opensslName: string;
  readonly jwkName: string;
  /** Bytes of a coordinate, and of r and s in a signature. */
  readonly bytes: number;
  readonly spkiPrefix: Uint8Array;
}

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

export const CURVES: Readonly<Record<CurveName, Curve>> = {
  nistp256: {
    opensslName: 'prime256v1',
    jwkName: 'P-256',
    bytes: 32,
    spkiPrefix: hex('3059301306072a8648ce3d020106082a8648ce3d030107034200'),
  },
  nistp384: {
    opensslName: 'secp384r1',
    jwkName: 'P-384',
    bytes: 48,
    spkiPrefix: hex('3076301006072a8648ce3d020106052b81040022036200'),
  },
  nistp521: {
    opensslName: 'secp521r1',
    jwkName: 'P-521',
    bytes: 66,
    spkiPrefix: hex('30819b301006072a8648ce3d020106052b8104002303818600'),
  },
};
