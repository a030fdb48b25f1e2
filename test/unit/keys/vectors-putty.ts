// Key files made once by PuTTY 0.78 of the keys in vectors.ts, as literals. They protect nothing. Encrypted ones are under
// `passphrase` of vectors.ts, with as little Argon2 as there can be.
import type { KnownFile } from './vectors.ts';

export const ppkFiles: Readonly<Record<string, KnownFile & { readonly comment: string }>> = {
  'PPK 3 ed25519 Argon2id': {
    key: 'ed25519',
    encrypted: true,
    comment: 'ed25519 plain',
    text: `PuTTY-User-Key-File-3: ssh-ed25519
Encryption: aes256-cbc
Comment: ed25519 plain
Public-Lines: 2
AAAAC3NzaC1lZDI1NTE5AAAAIN/3hPKHgBGw7vdhDFU23X1FwwQpTZZC/8UbISqP
dgn5
Key-Derivation: Argon2id
Argon2-Memory: 64
Argon2-Passes: 2
Argon2-Parallelism: 1
Argon2-Salt: c76599ed6c7818c10e87724173124e5b
Private-Lines: 1
D/BhiTH7i/Knyyrn1UjItZO/6cWweXmHRcbbT8bVhCCr4/SWc2bUZm/0JCjsGaFv
Private-MAC: f69e9652d1e0254308bfc5e14220a2ab9bf01a016333ff41a87cba1e0bbb728e
`,
  },
  'PPK 2 nistp256 encrypted': {
    key: 'nistp256',
    encrypted: true,
    comment: 'ecdsa 256',
    text: `PuTTY-User-Key-File-2: ecdsa-sha2-nistp256
Encryption: aes256-cbc
Comment: ecdsa 256
Public-Lines: 3
AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBCBb9e8Q4pdq
MVQZHWihtu3d8gm6pqoNm654OuJh0o5dDkceyT3Wnkkp6jCmDMd8fW0osEwWw1aI
4+FdeowM3hA=
Private-Lines: 1
EykxPyqtfE/PrSm3gwzyxDr29HNunhGlcVbK4tHfXnOD1QxoZE3nIvKb34NiHw6O
Private-MAC: dd9caf53dae683055cd6cee8459f894f0692ea54
`,
  },
  'PPK 3 ed25519': {
    key: 'ed25519',
    encrypted: false,
    comment: 'ed25519 plain',
    text: `PuTTY-User-Key-File-3: ssh-ed25519
Encryption: none
Comment: ed25519 plain
Public-Lines: 2
AAAAC3NzaC1lZDI1NTE5AAAAIN/3hPKHgBGw7vdhDFU23X1FwwQpTZZC/8UbISqP
dgn5
Private-Lines: 1
AAAAIKvfcnVGAC8TjNr0/lptuv8ghEDNL5Vrh2Z2POIz05Qq
Private-MAC: d0cf5f8fe4630c1703f11df97cfdec08e336b495bbe908f75a306f983d39b50b
`,
  },
  'PPK 2 rsa': {
    key: 'rsa',
    encrypted: false,
    comment: 'rsa 2048',
    text: `PuTTY-User-Key-File-2: ssh-rsa
Encryption: none
Comment: rsa 2048
Public-Lines: 6
AAAAB3NzaC1yc2EAAAADAQABAAABAQC0M8paUXPWChD90RoToqmhbi3cPBLmR9+a
pYD9E2/MXdYVwp6Drv/y9cGArWASpuo9N1RIV7Ybm2j2JNMaRtDqWYj8szd3Swpr
3CxiE+Ofmifv9G4ka0yZKJnaZUTvYBxt/Z2pmtGt9qtlccz3kKzyKO1hdyezTY8w
aB5/OjvvQGhm17+PeEgOIZWqre8pZAOM0v2L7272KimTu7XlxLx2eMndYlcAKKT9
8LUD3IQF4st5gfwJsYJHOTQodowLUjENfYEJi8c1NKCGcJNMgPb762dNLpoBiYzi
zlomMWz5JV/JrA9zkHvmjsGeWR9pfOO3mcsQORgoUZsMcVqdULnB
Private-Lines: 14
AAABACYe7qe8o2ycJIwNOB7/QjNMQ5dbfgQJIFxutqLTAcuR7kAcM7xXwP18z7qQ
8sn/VX4tvj6vj263qbSohaABayCoYDpVD17FGSdIJHt7CaQx0FEKvGIn8MRVunZh
Bfw9sMXz6O6AOes7S3biZCHbETsJPW5o7pUXyzrKS+lOQG+ULUFYPi7XU3kWLmCC
IeO1Aq+VGmmQDagtDkTy2XXdQ7CHMw42zwubK12aLl5l4exKBJzmcS7L6StSvzbs
gkZSJOLq+qDVekzblJlSZsZg24sbqaMqZr6GrxKIVRzWBUJQ/0JvcFa6IQQCJx6Z
15K7x7IOznLweVMAD7FVGfDgW4EAAACBAOtKFZs0FasAz3Ca6KNc6wsYbU4wqxxo
k4FXm0BIgYM7RC+AvLZlAlL/2beTo3EFLTRFEoXgYRwFlGQqhS0BI94gi+sEACX0
w4pSLTwXgq2ZDi2+tK7yV7X3pX9W0/GOoJm0Ap5Fn5Ia/3oUdMNXjKdsHekjNFVD
vFy3oMO1DOndAAAAgQDEEGVh02FjlMAPE057/t2ZFwqm9ghcvdfUqWtiGhwyVEPA
hYf8cZlp6LcxkrYKP0UolP0DbvG2Ci0coM9flBIMz/4wBiJlFhXEuDI0CPq0tLdS
GY35E2Db6yurADPvEz92sfl0nGP+ETmw/0/vHYvjaCtdiS3liwnko5vwwkIbNQAA
AIEAzwo2G/kT6C1FHM4a95KaOpMjalht8worIYa8KV/umf6RJ/fZ3HJD5RrKu3lg
I9HfPxZ+PGK3d7WF40lAY4WltiYKo7VQBtMkMZUudds2Wu4FzMy01+rZl6aSEer3
/KhDb87aX5XwNE5N1r0dmkb5o0alwLyfF1yVhMFaKVnvXhg=
Private-MAC: b95078ef43f8aa611e3dd2db678b87719682f574
`,
  },
};
