//! Which programs serve the network.

use crate::words::program;

/// A kind of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// A web server or the interpreter behind one.
    Web,
    /// A database.
    Database,
    /// A program that was seen to accept a connection.
    Other,
}

const WEB: [&str; 16] = [
    "nginx",
    "apache2",
    "httpd",
    "lighttpd",
    "caddy",
    "traefik",
    "haproxy",
    "php-fpm",
    "php-cgi",
    "uwsgi",
    "gunicorn",
    "unicorn",
    "puma",
    "tomcat",
    "litespeed",
    "openresty",
];

const DATABASE: [&str; 12] = [
    "mysqld",
    "mariadbd",
    "postgres",
    "redis-server",
    "valkey-server",
    "mongod",
    "memcached",
    "clickhouse-server",
    "influxd",
    "couchdb",
    "sqlservr",
    "etcd",
];

/// The kind of server that has this executable, by its file name without version. A
/// name can only accuse here, never excuse.
pub fn named(exe: &str) -> Option<Server> {
    let name = program(exe);
    let bare = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let is_in = |names: &[&str]| names.contains(&name) || names.contains(&bare);
    if is_in(&WEB) {
        Some(Server::Web)
    } else if is_in(&DATABASE) {
        Some(Server::Database)
    } else {
        None
    }
}

impl Server {
    /// Its name in alerts.
    pub fn name(self) -> &'static str {
        match self {
            Server::Web => "web",
            Server::Database => "database",
            Server::Other => "server",
        }
    }

    /// Why it counts as a server.
    pub fn reason(self) -> &'static str {
        match self {
            Server::Web => "a web server, or the interpreter behind one, started a shell",
            Server::Database => "a database started a shell",
            Server::Other => "a program that accepts connections started a shell",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_do_not_hide_servers() {
        assert_eq!(named("/usr/sbin/php-fpm8.2"), Some(Server::Web));
        assert_eq!(named("/usr/sbin/apache2"), Some(Server::Web));
        assert_eq!(
            named("/usr/lib/postgresql/15/bin/postgres"),
            Some(Server::Database)
        );
        assert_eq!(named("/usr/bin/nginx-debug"), None);
    }
}
