//! An image has a name that no registry knows, and nothing here builds it.
//!
//! Without a registry in its name Docker looks on Docker Hub, among its official images: there is none of that name. The
//! image exists only on the machine where somebody once built it by hand: that one starts, no other does.
//! Source: <https://hub.docker.com/search?badges=official>
//!
//! ```yaml docker-compose.yml flagged
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   ocr: { <<: *base, image: "ocr-service:2.1" }
//! ```
//!
//! ```yaml docker-compose.yml accepted
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   ocr: { <<: *base, image: "ocr-service:2.1", build: ./ocr }
//! ```

use std::collections::HashSet;

use super::common::{own_image, written};
use crate::finding::Finding;
use crate::stack::Stack;

/// Official images of Docker Hub. Source: github.com/docker-library/official-images, library/.
#[rustfmt::skip]
const OFFICIAL: &[&str] = &[
    "adminer", "aerospike", "almalinux", "alpine", "alt", "amazoncorretto", "amazonlinux", "api-firewall", "arangodb",
    "archlinux", "backdrop", "bash", "bonita", "buildpack-deps", "busybox", "caddy", "cassandra", "centos", "chronograf",
    "cirros", "clearlinux", "clefos", "clickhouse", "clojure", "composer", "convertigo", "couchbase", "couchdb", "crate",
    "dart", "debian", "docker", "drupal", "eclipse-mosquitto", "eclipse-temurin", "eggdrop", "elasticsearch", "elixir",
    "emqx", "erlang", "express-gateway", "fedora", "flink", "fluentd", "friendica", "gazebo", "gcc", "geonetwork", "ghost",
    "golang", "gradle", "groovy", "haproxy", "haskell", "haxe", "hello-world", "hitch", "httpd", "hylang", "ibm-semeru-runtimes",
    "ibmjava", "influxdb", "irssi", "jetty", "jenkins", "jobber", "joomla", "jruby", "julia", "kapacitor", "kibana", "kong",
    "krakend", "lightstreamer", "liquibase", "logstash", "mageia", "mariadb", "matomo", "maven", "mediawiki", "memcached",
    "mongo", "mongo-express", "monica", "mono", "mysql", "nats", "nats-streaming", "neo4j", "neurodebian", "nextcloud",
    "nginx", "node", "notary", "odoo", "open-liberty", "openjdk", "opensuse", "oraclelinux", "orientdb", "percona", "perl",
    "photon", "php", "php-zendserver", "phpmyadmin", "plone", "postfixadmin", "postgres", "pypy", "python", "r-base",
    "rabbitmq", "rakudo-star", "redis", "redmine", "registry", "rethinkdb", "rocket.chat", "rockylinux", "ros", "ruby",
    "rust", "sapmachine", "satosa", "scratch", "silverpeas", "sl", "solr", "sonarqube", "sourcemage", "spark", "spiped",
    "storm", "swarm", "swift", "swipl", "telegraf", "teamspeak", "tomcat", "tomee", "traefik", "ubuntu", "unit", "valkey",
    "varnish", "vault", "websphere-liberty", "wordpress", "xwiki", "yourls", "znc", "zookeeper",
];

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let name = |reference: &str| {
        let plain = reference.split('@').next().unwrap_or_default();
        plain.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).map_or(plain, |(n, _)| n).to_string()
    };
    let built: HashSet<String> =
        stack.services.iter().filter(|s| s.build.is_some()).map(|s| name(&s.image.reference)).collect();
    // What a kind names is known to whoever made the kind.
    for service in stack.services.iter().filter(|s| s.build.is_none() && own_image(s)) {
        let image = name(&service.image.reference);
        // A digest can only come from a registry.
        let pinned = service.image.reference.contains('@');
        if image.contains(['/', '$'])
            || pinned
            || built.contains(&image)
            || OFFICIAL.contains(&image.as_str())
        {
            continue;
        }
        let message = format!("`{image}` is in no registry, and nothing here builds it");
        out.push(
            Finding::warning("local-image-without-build", written(&service.image.origin, service), message)
                .help(
                    "add `build:` with its sources, or push it to a registry and write that before its name",
                ),
        );
    }
}
