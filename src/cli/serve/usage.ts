// What `amiko serve --help` prints. Every option of options.ts is in here; test/unit/server/serve-options.test.ts checks that.

export const usage = `Usage: amiko serve [options] [folder]

Serves SSH on this machine, as the user who starts it. It listens on 127.0.0.1 only, makes a host key for this run, and shows the
folder (the current one) to SFTP: to read, and nothing outside of it. Everything else has to be asked for below.

Where and as whom:
  --host ADDR              address to listen on (127.0.0.1)
  --port N                 port, 0 for any that is free (2222)
  --host-key FILE          private host key; may be repeated, one of each type
  --host-certificate FILE  certificate of a host key; may be repeated
  --host-key-algorithms L  and how it may sign

Who may log in:
  --user NAME              the name to log in with (yours)
  --authorized-keys FILE   public keys that may log in, one per line, with the options of sshd's; may be repeated.
                           command="internal-sftp [-R] [-d FOLDER] [-u UMASK]" is for SFTP and nothing else; user-rc and
                           tunnel have no effect, as no ~/.ssh/rc is run and no tunnel made
  --trusted-user-ca FILE   authorities whose certificates may log in; may be repeated
  --principals LIST        names that these certificates may be for, in place of the user's
  --revoked-keys FILE      keys and certificates that may not, as ssh-keygen -k makes it or one per line; may be repeated
  AMIKO_PASSWORD           in the environment: the password. With neither, one is made and printed
  --gssapi PRINCIPAL       who may log in by Kerberos, as alice@EXAMPLE.COM; may be repeated
  --max-auth-tries N       failed attempts before the connection is closed (6)
  --login-grace SECONDS    time to log in, 0 for no limit (120)
  --max-startups N         connections at once that have not logged in, 0 for no limit (100)
  --max-per-source N       of these from one address, 0 for no limit (10)
  --banner FILE            text to show before the login

What they may do:
  --write                  change what is in the folder, by SFTP
  --no-sftp                no SFTP
  --exec                   run commands; by these nothing is kept inside the folder
  --shell                  also start a shell; on a real terminal if the module @lydell/node-pty is installed
  --max-sessions N         sessions at once on one connection (10)
  --accept-env PATTERN     variables that the client may set; may be repeated
  --allow-forward          forward ports and unix sockets: connect from here, and listen here (on loopback only)
  --allow-agent-forward    bring their agent along, for commands and shells
  --allow-x11              show X11 programs on their display; needs the program xauth

How:
  --kex L, --ciphers L, --macs L
                           algorithms: a list, or +more, -less, ^first as with OpenSSH
  --moduli FILE            groups for diffie-hellman-group-exchange, as /etc/ssh/moduli has them
  --rekey BYTES            exchange keys anew after so much data; 64K, 1G (1G)
  --json                   events as JSON Lines on stdout
  -q, --quiet              no log
  -v, -vv, -vvv            more log
  -h, --help               this text

Examples:
  amiko serve ./public
  amiko serve --write --user upload --authorized-keys ~/team.pub /srv/incoming
  amiko serve --macs +hmac-sha2-256 ./public       (for curl, and whatever else has an older libssh2)
  amiko serve --shell
  amiko serve --allow-forward
  AMIKO_PASSWORD=secret amiko serve --port 0 --exec --json
  amiko serve --exec --authorized-keys ~/.ssh/id_ed25519.pub --host-key ./host_key
`;
