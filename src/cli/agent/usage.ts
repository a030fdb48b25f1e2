// What `amiko agent --help` prints.

export const usage = `Usage: amiko agent [-a PATH] [-t LIFETIME] [command ...]
       amiko agent add|list|remove|lock|unlock ...

Keeps keys in memory, for others to sign with. It stays in the foreground until a signal ends it; with a command it runs that with
the agent in its environment, and ends with it and with its exit status. Keys are never written anywhere.

  -a PATH        the socket; by default one in a new folder that only you can open
  -t LIFETIME    how long keys stay unless they are added with another, as in 3600, 8h or 1d
  -c, -s         say where it is in the words of csh, or of sh (default)

The others speak to the agent in SSH_AUTH_SOCK, ours or OpenSSH's; on Windows by default to that of its OpenSSH. Pageant there tells
the name of its pipe: 'pageant --openssh-config FILE' writes it to FILE, after IdentityAgent, for SSH_AUTH_SOCK or IdentityAgent.
  add [-t LIFETIME] [-c] [-h LIMIT] [-H KNOWN_HOSTS] [FILE ...]
                 add private keys (by default ~/.ssh/id_ed25519, id_ecdsa, id_rsa), and the certificates in FILE-cert.pub;
                 -c: a program in SSH_ASKPASS asks before each use
                 -h: may log in to these hosts only: [USER@]HOST from here, HOST>[USER@]HOST from there over a forwarded agent
                 (repeatable; each way needs one). Hosts are known by the keys in KNOWN_HOSTS, by default those of ssh
  list [-l|-L] [-E sha256|md5] [--json]
                 what is there: fingerprints, or with -L whole public keys
  remove FILE ... | --all
                 forget keys, by the private or public key's file
  lock, unlock   nothing can be listed or used while it is locked; the passphrase is asked for

Exit status: the command's own; 1 where the agent has no keys or refuses; 2 for wrong usage; 255 for other errors.

Examples:
  amiko agent bash
  amiko agent -a ~/.ssh/agent.sock & export SSH_AUTH_SOCK=~/.ssh/agent.sock
  amiko agent add -t 8h ~/.ssh/id_ed25519
  amiko agent add -h gate.example.com -h 'gate.example.com>me@inner.example.com' ~/.ssh/id_ed25519
  amiko agent list -L
  amiko agent remove --all
`;
