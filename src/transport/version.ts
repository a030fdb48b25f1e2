/** The version of amiko; the package's own, checked by a test. */
export const VERSION = '0.1.0';
