// What `amiko keyscan --help` prints.

export const usage = `Usage: amiko keyscan [options] host ...

Prints the host keys of servers as lines of known_hosts. Nobody says that these are the right servers: compare fingerprints
before you trust what it prints.

  -p PORT      the port (22); a host may also be host:port
  -t TYPES     kinds of keys, a comma list: ed25519, ecdsa, rsa (all)
  -f FILE      hosts from a file, one per line; - for stdin (repeatable)
  -H           hash the names
  -T SECONDS   how long a host may take (5)
  -4, -6       IPv4 only, IPv6 only
  --json       a JSON object per key: host, port, type, bits, fingerprint, key, version
  -q           don't print what the servers call themselves

Exit status: 0; 1 where a host has failed; 2 for wrong usage.

Examples:
  amiko keyscan server.example.com >> ~/.ssh/known_hosts
  amiko keyscan -H -t ed25519 -p 2222 server.example.com
  amiko keyscan --json a.example.com b.example.com:2222 | jq -r .fingerprint
`;
