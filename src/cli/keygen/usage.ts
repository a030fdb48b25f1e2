// What `amiko keygen --help` prints.

export const usage = `Usage: amiko keygen [options] [file ...]

Makes, shows, converts and certifies keys, edits known_hosts, signs files. The options are those of ssh-keygen(1).

A new key (ed25519 unless told otherwise), into FILE and FILE.pub:
  -t TYPE            ed25519, ecdsa or rsa
  -b BITS            ecdsa: 256, 384 or 521; rsa: 2048 to 16384 (3072)
  -C COMMENT         comment; user@host unless given
  -f FILE            the file; ~/.ssh/id_TYPE unless given
  -a ROUNDS          rounds of the passphrase's hash (24)
  -m FORMAT          OPENSSH, PEM, PKCS8 or PPK
  --no-passphrase    don't ask for a passphrase; the same as -N ''
  --force            replace a file that exists, without asking
  -q                 say nothing

Other things to do with a key:
  -y -f FILE         print the public key of a private one
  -l -f FILE         fingerprints of a key, of authorized_keys, of known_hosts; -E md5 for the older kind
  -p -f FILE         change the passphrase, or the format by -m
  -e -f FILE         print it in another format: -m RFC4716 (default), PKCS8, PEM, JWK; PPK prints the private key
  -i -f FILE         print a key of any of these formats in OpenSSH's

Known hosts (~/.ssh/known_hosts, or -f FILE):
  -F HOST            the lines about a host; -l for fingerprints, -H hashed. A port as in '[host]:2222'
  -R HOST            remove a host, and keep the old file as FILE.old
  -H                 hash all names, and keep the old file as FILE.old

Certificates:
  -s CA -I ID -n PRINCIPALS FILE.pub ...
                     certify keys, into FILE-cert.pub
  -h                 for a host instead of a user
  -V VALIDITY        +52w, -5m:+1h, 20260101:20270101, always:forever
  -z SERIAL          serial number; +SERIAL counts up from file to file
  -O OPTION          clear, force-command=CMD, source-address=LIST, verify-required, no-pty, permit-pty, (no-|permit-)
                     agent-forwarding, port-forwarding, user-rc, X11-forwarding; critical:NAME[=TEXT], extension:NAME[=TEXT]
  -U                 the authority's key is in the agent; CA is its public key
  -L -f FILE         show a certificate

Revocation lists:
  -k -f LIST [-s CA.pub] [-z VERSION] FILE ...
                     make one of keys, certificates, or lines 'serial: N-M', 'id: ID', 'key: KEY', 'sha256: KEY',
                     'hash: SHA256:...'
  -k -u -f LIST ...  the same, and all that LIST has
  -Q -f LIST FILE ...
                     whether keys are revoked; status 1 where one is
  -Q -l -f LIST      print a list, as lines of which another can be made

Signatures of files; -Y is also what git calls gpg.ssh.program with:
  -Y sign -f KEY -n NAMESPACE [FILE ...]
  -Y verify -f ALLOWED_SIGNERS -I NAME -n NAMESPACE -s SIGNATURE [-r REVOKED] < MESSAGE
  -Y find-principals -f ALLOWED_SIGNERS -s SIGNATURE
  -Y check-novalidate -n NAMESPACE -s SIGNATURE < MESSAGE

Passphrases are asked for on the terminal, or by the program in SSH_ASKPASS; they are never arguments.

Exit status: 0; 1 where -F finds nothing or -Q something; 2 for wrong usage; 255 for everything else that goes wrong.

Examples:
  amiko keygen -f ~/.ssh/work -C me@work
  amiko keygen -t rsa -b 4096 --no-passphrase -f ./deploy
  amiko keygen -lf ~/.ssh/known_hosts
  amiko keygen -s ca -I alice@laptop -n alice -V +52w ~/.ssh/id_ed25519.pub
  amiko keygen -e -m PPK -f ~/.ssh/id_ed25519 > id_ed25519.ppk
  git config gpg.format ssh && git config gpg.ssh.program amiko
`;
