// What `amiko copy-id --help` prints.

export function usage(): string {
  return `Usage: amiko copy-id [options] [user@]host

Lets public keys log in: adds them to ~/.ssh/authorized_keys of the account there. First the server is asked which of them it
takes already, for which no private key is needed; those are left out, and so is a key that the file has. What is in the file
stays as it is. Works through a shell, and over SFTP where the server gives none. In the end the server is asked again.

Without -i the keys are those of the agent, or else the newest ~/.ssh/id*.pub.

Options:
  -i FILE        the key to install: FILE.pub, never FILE itself unless its name ends in .pub (repeatable)
  -f             don't ask what the server takes; add a key that another line has, with other options
  -n             only say what would be added
  -s             over SFTP at once
  -p PORT        the port, 22 unless given
  -J HOSTS       connect through these hosts, parted by commas, as with amiko ssh
  -F FILE        the configuration to read, as with amiko ssh
  -o KEY=VALUE   a line of ssh_config(5), read before the files (repeatable); IdentityFile is what to log in with
  --json         one JSON object on stdout: host, port, user, file, via, keys (each with its status)
  -q, -v         say less, say more
  -C, -4, -6, -c CIPHERS
                 compress, IPv4 only, IPv6 only, ciphers

A line of a .pub file may begin with options, as in authorized_keys: they are installed too. Certificates are not installed.

Exit status: 0; 1 if keys could not be installed, or the server does not take them all the same; 255 if there is no connection;
2 for wrong usage; 128+n after signal n.

Examples:
  amiko copy-id me@server.example.com
  amiko copy-id -i ~/.ssh/id_ed25519 -p 2222 me@server.example.com
  amiko copy-id -n -i ci.pub deploy@server.example.com
  AMIKO_PASSWORD=... amiko copy-id -i ci.pub deploy@server.example.com
`;
}
