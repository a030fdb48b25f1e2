// What `amiko ssh --help` prints.

export function usage(): string {
  return `Usage: amiko ssh [options] [user@]host [command ...]
       amiko ssh [options] ssh://[user@]host[:port] [command ...]

Logs in to a host and runs a command there, or a shell. Everything after the host is the command.

Options:
  -p PORT        the port, a number or a service's name; 22 unless given
  -l USER        the name to log in with; yours unless given
  -i KEYFILE     a private key to log in with (repeatable); else those of the agent in SSH_AUTH_SOCK, then ~/.ssh/id_ed25519,
                 id_ecdsa, id_rsa. A certificate in KEYFILE-cert.pub goes with it; KEYFILE.pub is enough for a key of the agent
  -J HOSTS       connect through these hosts, [user@]host[:port] parted by commas, nearest first. The options here are not
                 theirs: they have their own in the configuration
  -F FILE        read this configuration, and neither ~/.ssh/config nor /etc/ssh/ssh_config; none for no file
  -o KEY=VALUE   a line of ssh_config(5), read before the files (repeatable)
  -G             print what holds for the host, and end
  -t, -tt, -T    a terminal for the command; also where stdin is none; never
  -f             go to the background once logged in and all forwards are set up; no stdin. With -N, or a command
  -n, -s         no stdin; the command is the name of a subsystem
  -q, -v         say less; say more (-vv, -vvv: even more)
  -C             compress
  -4, -6         IPv4 only, IPv6 only
  -c CIPHERS     ciphers, a comma list; +, -, ^ in front change the defaults
  -m MACS        message authentication codes, in the same way
  -e CHAR        the escape character, ~ unless given; none for none
  -b ADDRESS     connect from this address of this machine
  -B INTERFACE   connect from this network interface of this machine
  -E FILE        append what is told of errors, and with -v of all else, to FILE

Forwarding; HOST:PORT may be the path of a unix socket, on either side, and IPv6 addresses are in [brackets]:
  -L [BIND:]PORT:HOST:HOSTPORT   listen here, connect from the server (repeatable)
  -R [BIND:]PORT:HOST:HOSTPORT   listen on the server, connect from here; port 0: it chooses, and we print it
  -D [BIND:]PORT                 a SOCKS 4 and 5 proxy here, which connects from the server
  -R [BIND:]PORT                 a SOCKS 4 and 5 proxy on the server, which connects from here: to everything that this machine
                                 reaches, unless -o PermitRemoteOpen=HOST:PORT says where to
  -W HOST:PORT                   join stdin and stdout to an address that the server connects to
  -N             no command and no shell, only forwarding
  -g             let other hosts use forwarded ports, too
  -A, -a         let the server use the agent in SSH_AUTH_SOCK; don't. Root on the server can use it meanwhile, except for
                 keys that are limited to other hosts (ssh-add -h)
  -X, -Y, -x     show the server's X11 programs on our display, where they may do everything; don't
  -K, -k         log in by Kerberos and hand the credentials on to the server; don't hand them on

Passwords and passphrases are asked for on the terminal, taken from AMIKO_PASSWORD (passwords only), or from the program in
SSH_ASKPASS. With a terminal, ~. at the start of a line ends the connection and ~? explains.

Exit status: the command's own; 128+n if signal n ended it; 255 if something failed here or on the way; 2 for wrong usage.

Examples:
  amiko ssh me@server.example.com
  amiko ssh -J jump.example.com,me@inner.example.com:2222 db.internal
  amiko ssh -p 2222 -i ~/.ssh/work me@server.example.com uptime
  tar c docs | amiko ssh me@server.example.com 'tar x -C /srv'
  amiko ssh -N -L 8080:intranet.example.com:80 me@server.example.com
  amiko ssh -N -D 1080 -R 0:localhost:3000 me@server.example.com
  amiko ssh -o StrictHostKeyChecking=accept-new -o ConnectTimeout=5 server.example.com true
`;
}
