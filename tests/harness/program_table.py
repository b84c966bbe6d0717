# SPDX-License-Identifier: MIT OR Apache-2.0
"""The table of doc/programs.md: which programs, by which way, and what to know.

tests/system/real_servers/programs runs them. scripts/programs-page writes the page from this table and the versions
that the tests have recorded.
"""

from dataclasses import dataclass

INTRODUCTION = """# Programs

`make check-long` runs each program on this page with two servers that require certificates of different CAs. A row
says by which way the program sends each server its certificate:

- *module*: the provider module with a list of certificates, in openssl.cnf ([without-a-patch.md](without-a-patch.md)).
  `certpick run` writes such a file. The program has no certificate in its own settings; if it has one, it sends that.
  Without the module, these servers receive none.
- *module, rules*: likewise, with a rule for each server in the configuration file ([one-file.md](one-file.md)),
  because servers of this kind name no CA when they request a certificate.
- *patched libpq*: the list is in `sslcert` ([lists.md](lists.md)).

*Rules know* is what a rule of the configuration file can compare: the server's name or its address, and its port, if
the program gives them to OpenSSL. Unless the row
says otherwise, the programs are Debian's packages, in the versions shown.

`scripts/programs-page` writes this page from `tests/harness/program_table.py`.
"""

MODULE = "module"
RULES = "module, rules"
PATCHED = "patched libpq"
NOT = "none"
# What the rules of a configuration file know of a server.
NAME = "name"
NAME_PORT = "name, port"
ADDRESS_PORT = "address, port"


@dataclass(frozen=True)
class Row:
    """know: what to know, or why it cannot work

    rules: what the rules of a configuration file know of a server
    """

    name: str
    packages: str  # of Debian; the version is the first one's
    way: str
    know: str = ""
    rules: str = ""


POSTGRESQL = [
    *[Row(f"psql {version}, patched", "", PATCHED) for version in (15, 16, 17, 18)],
    Row("psql", "", MODULE, "`sslcert` of the connection string comes first"),
    Row("pg_dump", "", MODULE),
    Row("pgbench", "", MODULE),
    Row("pg_basebackup", "", MODULE),
    Row("psycopg 2", "python3-psycopg2", MODULE),
    Row("psycopg 3", "python3-psycopg", MODULE),
    Row("asyncpg", "python3-asyncpg", MODULE,
        "does not use libpq; rules know only the name that its SSL context verifies"),
    Row("PHP, pg_connect", "php-pgsql php-cli", MODULE),
    Row("Perl, DBD::Pg", "libdbd-pg-perl", MODULE),
    Row("Ruby, pg", "ruby-pg ruby", MODULE),
    Row("psqlODBC", "odbc-postgresql unixodbc", MODULE),
    Row("dblink", "", MODULE),
    Row("postgres_fdw", "", MODULE),
    Row("walreceiver", "", MODULE),
    Row("logical replication", "", MODULE),
    Row("pgbouncer", "pgbouncer", MODULE,
        "does not use libpq; rules know the name only with `server_tls_sslmode = verify-full`, otherwise the address and"
        " the port"),
    Row("pgpool", "pgpool2", MODULE, "does not use libpq"),
]
WEB = [
    Row("curl", "curl", MODULE, "`--cert` comes first", rules=NAME),
    Row("Python, urllib", "python3", MODULE, rules=NAME_PORT),
    Row("Python, requests", "python3-requests", MODULE, rules=NAME_PORT),
    Row("Python, aiohttp", "python3-aiohttp", MODULE, rules=NAME),
    Row("PHP, https streams", "php-cli", MODULE, rules=NAME_PORT),
    Row("PHP, curl", "php-curl php-cli", MODULE, rules=NAME),
    Row("Node.js", "node-undici", MODULE,
        "Debian's; needs `nodejs_conf = openssl_init` in openssl.cnf, which `certpick run` writes, or the option"
        " `--openssl-shared-config`, which can be in `NODE_OPTIONS`", rules=NAME),
    Row("Node.js, upstream's", "", MODULE,
        "likewise; has OpenSSL linked in, and exports it to the module", rules=NAME),
    Row("Perl, LWP", "libwww-perl liblwp-protocol-https-perl", MODULE, rules=NAME_PORT),
    Row("Ruby, net/http", "ruby", MODULE, rules=NAME_PORT),
    Row("Lua, LuaSec", "lua-sec lua5.4", MODULE, rules=NAME_PORT),
    Row("w3m", "w3m", MODULE, rules=NAME_PORT),
    Row("ab", "apache2-utils", MODULE, rules=NAME_PORT),
    Row("check_http", "monitoring-plugins-basic", MODULE, rules=ADDRESS_PORT),
    Row("openssl s_client", "openssl", MODULE, rules=NAME_PORT),
    Row("socat", "socat", MODULE, rules=NAME_PORT),
    Row("ncat", "ncat", MODULE, rules=NAME_PORT),
]
PROXIES = [
    Row("nginx, proxy_pass", "nginx", MODULE,
        "without `proxy_ssl_server_name on`, rules know the address and the port", rules=NAME_PORT),
    Row("HAProxy, backends", "haproxy", MODULE,
        "without `sni` on the `server` line, rules know nothing", rules=NAME),
    Row("stunnel, client", "stunnel4", MODULE,
        "without `sni`, rules know the address and the port", rules=NAME_PORT),
]
SERVICES = [
    Row("Postfix, posttls-finger", "", MODULE,
        "the SMTP client of Postfix uses the same library; add `OPENSSL_CONF` to `import_environment`",
        rules=NAME_PORT),
    Row("s-nail", "s-nail", MODULE, rules=NAME_PORT),
    Row("mbsync", "isync", MODULE, rules=NAME_PORT),
    Row("fetchmail", "fetchmail", MODULE, rules=NAME_PORT),
    Row("Perl, Net::LDAP", "libnet-ldap-perl", MODULE, rules=NAME_PORT),
    Row("dig", "bind9-dnsutils", MODULE, rules=NAME),
    Row("amqp-publish", "amqp-tools", MODULE, rules=NAME_PORT),
    Row("kcat", "kcat", MODULE, rules=NAME_PORT),
    Row("rsyslog, omfwd", "", MODULE, "with the driver `ossl` of the package rsyslog-openssl", rules=ADDRESS_PORT),
    Row("syslog-ng, network()", "", MODULE, rules=ADDRESS_PORT),
    Row("check_nrpe", "nagios-nrpe-plugin", MODULE, rules=ADDRESS_PORT),
    Row("openvpn", "openvpn", MODULE, "without `cert` it insists on `auth-user-pass`"),
]
OF_NAMELESS_SERVERS = [
    Row("redis-cli", "redis-tools redis-server", RULES,
        "rules know the address and the port, and with `--sni` the name instead of the address"),
    Row("mosquitto_pub", "mosquitto-clients mosquitto", RULES,
        "rules know the name or the address, as in `-h`, and the port"),
    Row("Mosquitto, bridge", "mosquitto", RULES),
    Row("mariadb", "mariadb-client-core mariadb-server-core", RULES,
        "rules know the address and the port"),
    Row("PHP, mysqli", "php-mysql php-cli mariadb-server-core", RULES),
    Row("MariaDB, replication", "mariadb-server-core", RULES),
]
GNUTLS = "uses GnuTLS"
OTHERS = [
    Row("git", "git", NOT, f"Debian's {GNUTLS}, by its libcurl"),
    Row("wget", "wget", NOT, f"Debian's {GNUTLS}"),
    Row("apt", "apt", NOT, f"Debian 12's {GNUTLS}"),
    Row("ldapsearch", "ldap-utils", NOT, f"Debian's libldap {GNUTLS}"),
    Row("msmtp", "msmtp", NOT, f"Debian's {GNUTLS}"),
    Row("openconnect", "openconnect", NOT, f"Debian's {GNUTLS}"),
    Row("hey", "hey", NOT, "is a Go program, with TLS of its own"),
    Row("cargo", "", NOT, "rustup's has OpenSSL linked in, and does not export it"),
    Row("curl, set-user-ID", "curl", NOT,
        "OpenSSL ignores `OPENSSL_CONF` in set-user-ID programs, and the module has no effect in them"),
    Row("psycopg2-binary", "python3-pip", NOT, "PyPI's brings its own libpq and OpenSSL; psycopg2 of Debian does not"),
    Row("svn", "subversion", NOT, "sets a `client_cert_cb`; certificates are named in its `servers` file"),
    Row("Apache, mod_proxy", "apache2-bin", NOT,
        "sets a `client_cert_cb`, which chooses among the certificates of `SSLProxyMachineCertificateFile` by CA"
        " names"),
    Row("Tcl, tls", "tcl-tls tcl", NOT,
        "sets `/usr/lib/ssl/cert.pem`, which Debian's openssl has, as its certificate"),
    Row("wpa_supplicant, EAP-TLS", "eapoltest hostapd", NOT, "needs `private_key`"),
    Row("Redis, replication", "redis-server", NOT, "needs `tls-cert-file`, and sends that certificate"),
]
# By title: the text before the table, and its rows.
SECTIONS = {
    "PostgreSQL": (
        """With libpq, rules know the host as the program gives it (a name or an address), the port and the user. dblink,
postgres_fdw, walreceiver and logical replication connect from the server process: `OPENSSL_CONF` is set in the server's
environment, and all its databases share the same certificates.

""",
        POSTGRESQL,
    ),
    "Web": ("", WEB),
    "Proxies": ("One process sends each of its servers another certificate.\n\n", PROXIES),
    "Other services": ("", SERVICES),
    "Servers that name no CA": ("", OF_NAMELESS_SERVERS),
    "Programs that the module cannot serve": (
        """The tests show that no certificate arrives, and the reason: the libraries that the program loads, the
function of OpenSSL that it calls, or its message. Programs that use NSS (Firefox, Thunderbird) or Java have a TLS
library of their own, too; they were not tested, because they are large.

""",
        OTHERS,
    ),
}
ROWS = {row.name: row for _, rows in SECTIONS.values() for row in rows}
