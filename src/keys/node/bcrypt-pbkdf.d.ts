// The one function that amiko uses of the package `bcrypt-pbkdf`, which brings no types.
declare module 'bcrypt-pbkdf' {
  const bcrypt: {
    /** Fills `key`; the result is 0, or -1 where an argument is out of range. */
    pbkdf(
      passphrase: Uint8Array,
      passphraseBytes: number,
      salt: Uint8Array,
      saltBytes: number,
      key: Uint8Array,
      keyBytes: number,
      rounds: number,
    ): number;
  };
  export default bcrypt;
}
