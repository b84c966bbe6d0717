# SPDX-License-Identifier: MIT OR Apache-2.0
"""Clients of mail, directory, message and other servers."""

from real_program import Command, Setting

PERL_LDAP = """
my ($where, $issuer) = @ARGV;
my $ldap = Net::LDAP->new($where, verify => "require", cafile => $issuer) or die;
exit $ldap->bind->code;
"""


def s_nail(setting: Setting, server) -> list:
    options = ["v15-compat=y", f"mta=smtps://localhost:{server.port}", "smtp-auth=none", "hostname=localhost"]
    options += [f"tls-ca-file={setting.issuer}", "tls-verify=strict", "sendwait", "from=a@localhost"]
    return ["s-nail", "-:/", "-v", *(word for option in options for word in ("-S", option)), "b@localhost"]


def mbsync(setting: Setting, server) -> list:
    text = f"IMAPAccount a\nHost localhost\nPort {server.port}\nUser u\nPass p\nSSLType IMAPS\nAuthMechs LOGIN\n"
    text += f"CertificateFile {setting.issuer}\nSystemCertificates no\n\nIMAPStore far\nAccount a\n\n"
    text += f"MaildirStore near\nPath {setting.directory}/\n\nChannel c\nFar :far:\nNear :near:\n"
    return ["mbsync", "-c", setting.write("mbsyncrc", text), "-l", "c"]


def fetchmail(setting: Setting, server) -> list:
    text = f'poll localhost protocol POP3 port {server.port} user "u" password "p" ssl sslcertfile {setting.issuer}\n'
    pid = setting.directory / "pid"
    return ["fetchmail", "--nodetach", "--nosyslog", "--pidfile", pid, "-f", setting.write("rc", text, 0o600)]


def net_ldap(setting: Setting, server) -> list:
    return ["perl", "-MNet::LDAP", "-e", PERL_LDAP, f"ldaps://localhost:{server.port}", setting.issuer]


def dig(setting: Setting, server) -> list:
    verify = [f"+tls-ca={setting.issuer}", "+tls-hostname=localhost"]
    return ["dig", "+tls", *verify, "+tries=1", "-p", server.port, "@127.0.0.1", "localhost"]


def amqp_publish(setting: Setting, server) -> list:
    where = ["--url", f"amqps://localhost:{server.port}", "--cacert", setting.issuer]
    return ["amqp-publish", *where, "-r", "key", "-b", "body"]


def kcat(setting: Setting, server) -> list:
    tls = ["security.protocol=ssl", f"ssl.ca.location={setting.issuer}"]
    words = [word for option in tls for word in ("-X", option)]
    return ["kcat", "-L", "-b", f"localhost:{server.port}", "-m", "1", *words]


def check_nrpe(setting: Setting, server) -> list:
    return ["/usr/lib/nagios/plugins/check_nrpe", "-H", "localhost", "-p", server.port, "-t", "10"]


PROGRAMS = {
    "s-nail": Command(s_nail, "smtp", stdin="text\n", shows=False),
    "mbsync": Command(mbsync, "imap", shows=False),
    "fetchmail": Command(fetchmail, "pop3", shows=False, status=(1,)),  # no mail
    "Perl, Net::LDAP": Command(net_ldap, "ldap", shows=False),
    "dig": Command(dig, "dns", shows=False),
    "amqp-publish": Command(amqp_publish, "amqp", shows=False),
    "kcat": Command(kcat, "hangs up", shows=False, status=(1,)),
    "check_nrpe": Command(check_nrpe, "hangs up", shows=False, status=(2, 3)),
}
