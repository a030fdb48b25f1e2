// What `amiko audit --help` prints.

export const usage = `Usage: amiko audit [options] host

Prints what a server offers before anybody logs in: version, key exchanges, host keys, ciphers, MACs, compression; what of it is
weak and why; and what a connection of amiko's would use. Nothing is tried out, and no password is sent.

  -p PORT      the port (22); the host may also be host:port
  -T SECONDS   how long each connection may take (10)
  -4, -6       IPv4 only, IPv6 only
  --json       one JSON object

Exit status: 0; 1 where something is weak; 2 for wrong usage; 255 where the server cannot be asked.

Examples:
  amiko audit server.example.com
  amiko audit -p 2222 server.example.com && echo fine
  amiko audit --json server.example.com | jq '.weaknesses'
`;
