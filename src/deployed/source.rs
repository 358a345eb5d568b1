//! Which source is meant: chosen by a URL or a path, read-only whatever it is.

use std::fmt;
use std::path::PathBuf;

use crate::text::{nearest, shown};

/// Something that says what is on a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A deploy directory.
    Directory(PathBuf),
    /// A deploy directory on another machine.
    Ssh(Host, String),
    /// A Docker engine, by its socket.
    Docker(PathBuf),
    /// A Docker engine on another machine.
    DockerSsh(Host),
    /// A file that `stackgen snapshot` wrote.
    Snapshot(PathBuf),
    /// The output of `doctl compute firewall list -o json`; `None` is standard input.
    Firewall(Option<PathBuf>),
    /// A folder of certificates.
    Certificates(PathBuf),
}

/// A machine as `ssh` is told of it; the user's own configuration decides what the name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The account, unless the configuration says it.
    pub user: Option<String>,
    /// A host name, an address or an alias.
    pub name: String,
    /// The port, unless the configuration says it.
    pub port: Option<u16>,
}

/// Where Docker listens when nothing else is said.
const SOCKET: &str = "/var/run/docker.sock";

/// What a source can start with, as it is told of.
const SCHEMES: [&str; 5] = ["ssh://", "docker://", "docker+ssh://", "firewall:", "certificates:"];

impl Source {
    /// Reads the name of a source; `docker_host` is the variable DOCKER_HOST, which `docker://` stands for.
    ///
    /// # Errors
    ///
    /// What was expected, on one line.
    pub fn parse(text: &str, docker_host: Option<&str>) -> Result<Self, String> {
        if let Some(rest) = text.strip_prefix("firewall:") {
            return match rest {
                "" => Err("expected `firewall:FILE` or `firewall:-`, found no file".into()),
                "-" => Ok(Self::Firewall(None)),
                file => Ok(Self::Firewall(Some(file.into()))),
            };
        }
        if let Some(rest) = text.strip_prefix("certificates:") {
            return match rest {
                "" => Err("expected `certificates:DIR`, found no folder".into()),
                folder => Ok(Self::Certificates(folder.into())),
            };
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            return match scheme {
                "ssh" => {
                    let (host, directory) = Host::parse(text, rest)?;
                    if directory.len() < 2 {
                        return Err(format!(
                            "expected `ssh://[user@]host/dir`, found no directory in {}",
                            shown(text)
                        ));
                    }
                    Ok(Self::Ssh(host, directory))
                }
                "docker+ssh" => match Host::parse(text, rest)? {
                    (host, directory) if directory.len() < 2 => Ok(Self::DockerSsh(host)),
                    _ => Err(format!("expected `docker+ssh://[user@]host`, found a path in {}", shown(text))),
                },
                "docker" => docker(rest, docker_host),
                _ => Err(unknown(text)),
            };
        }
        if text.is_empty() {
            return Err("expected a source, found an empty one".into());
        }
        let snapshot = text.len() > 5 && text.to_ascii_lowercase().ends_with(".json");
        Ok(if snapshot { Self::Snapshot(text.into()) } else { Self::Directory(text.into()) })
    }
}

/// The engine of `docker://`.
fn docker(path: &str, docker_host: Option<&str>) -> Result<Source, String> {
    if path.starts_with('/') && path.len() > 1 {
        return Ok(Source::Docker(path.into()));
    }
    if !path.is_empty() {
        return Err(
            "expected `docker://` or `docker:///path/of.sock`; for another machine `docker+ssh://host`"
                .into(),
        );
    }
    match docker_host.filter(|h| !h.is_empty()) {
        None => Ok(Source::Docker(SOCKET.into())),
        Some(url) => match url.split_once("://") {
            Some(("unix", path)) if path.starts_with('/') => Ok(Source::Docker(path.into())),
            Some(("ssh", rest)) => Ok(Source::DockerSsh(Host::parse(url, rest)?.0)),
            _ => Err(format!(
                "expected unix:///path or ssh://host in DOCKER_HOST, found {}; name the engine: `docker+ssh://host`",
                shown(url)
            )),
        },
    }
}

fn unknown(text: &str) -> String {
    let scheme = text.split_once("://").map_or(text, |(scheme, _)| scheme);
    let names = ["ssh", "docker", "docker+ssh", "firewall", "certificates"];
    let help = match nearest(scheme, names) {
        Some(near) => format!("did you mean `{near}:`?"),
        None => format!("a source is a directory, a snapshot file or one of {}", SCHEMES.join(", ")),
    };
    format!("expected a source, found {}; {help}", shown(text))
}

impl Host {
    /// Reads `[user@]host[:port][/path]`; `whole` is what is quoted in messages.
    fn parse(whole: &str, text: &str) -> Result<(Self, String), String> {
        let (authority, path) = match text.find('/') {
            Some(slash) => text.split_at(slash),
            None => (text, ""),
        };
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        if user.is_some_and(|u| u.contains(':')) {
            let found = shown(whole);
            return Err(format!(
                "expected no password in a source, found one in {found}; ssh uses your keys"
            ));
        }
        let bracketed = host.strip_prefix('[').and_then(|h| h.split_once(']'));
        let (name, port) = match bracketed {
            Some((address, "")) => (address, None),
            Some((address, rest)) => (address, Some(rest.strip_prefix(':').unwrap_or(rest))),
            None => host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port))),
        };
        let port = match port.map(str::parse::<u16>) {
            None => None,
            Some(Ok(port)) if port > 0 => Some(port),
            Some(_) => return Err(format!("expected a port from 1 to 65535 in {}", shown(whole))),
        };
        // `ssh` takes a word that starts with `-` for an option, and some options run commands.
        let is_word = |word: &str| {
            !word.is_empty()
                && !word.starts_with('-')
                && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-%:+".contains(&b))
        };
        if !is_word(name) || user.is_some_and(|u| !is_word(u)) {
            return Err(format!("expected `[user@]host` in {}", shown(whole)));
        }
        if path.contains(['\0', '\n']) {
            return Err(format!("expected a directory on one line in {}", shown(whole)));
        }
        Ok((Self { user: user.map(str::to_string), name: name.into(), port }, path.into()))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        if self.name.contains(':') { write!(f, "[{}]", self.name) } else { f.write_str(&self.name) }?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) | Self::Snapshot(path) => write!(f, "{}", path.display()),
            Self::Ssh(host, directory) => write!(f, "ssh://{host}{directory}"),
            Self::Docker(path) => write!(f, "docker://{}", path.display()),
            Self::DockerSsh(host) => write!(f, "docker+ssh://{host}"),
            Self::Firewall(None) => f.write_str("firewall:-"),
            Self::Firewall(Some(path)) => write!(f, "firewall:{}", path.display()),
            Self::Certificates(path) => write!(f, "certificates:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_by_name() {
        for (text, docker_host, expected) in [
            ("deploy", None, "deploy"),
            ("./a.json", None, "./a.json"),
            ("ssh://root@example.com:22/opt/it's here", None, "ssh://root@example.com:22/opt/it's here"),
            ("ssh://[2001:db8::1]:22/opt", None, "ssh://[2001:db8::1]:22/opt"),
            ("docker://", None, "docker:///var/run/docker.sock"),
            ("docker://", Some(""), "docker:///var/run/docker.sock"),
            ("docker://", Some("unix:///run/user/1000/docker.sock"), "docker:///run/user/1000/docker.sock"),
            ("docker://", Some("ssh://me@example.com"), "docker+ssh://me@example.com"),
            ("docker:///x.sock", Some("ssh://me@example.com"), "docker:///x.sock"),
            ("docker+ssh://shop", None, "docker+ssh://shop"),
            ("firewall:-", None, "firewall:-"),
            ("firewall:list.json", None, "firewall:list.json"),
            ("certificates:/etc/letsencrypt/live", None, "certificates:/etc/letsencrypt/live"),
        ] {
            let source = Source::parse(text, docker_host).unwrap();
            assert_eq!(source.to_string(), expected);
        }
        assert_eq!(Source::parse("a.json", None), Ok(Source::Snapshot("a.json".into())));
    }

    #[test]
    fn what_is_none_is_refused() {
        for (text, docker_host, says) in [
            ("", None, "an empty one"),
            ("ssh://example.com", None, "no directory"),
            ("ssh://-oProxyCommand=x/opt", None, "expected `[user@]host`"),
            ("ssh://-l@example.com/opt", None, "expected `[user@]host`"),
            ("ssh://a b/opt", None, "expected `[user@]host`"),
            ("ssh://root:hunter2@example.com/opt", None, "expected no password"),
            ("ssh://example.com:0/opt", None, "a port from 1"),
            ("docker://example.com", None, "docker+ssh://host"),
            ("docker://", Some("tcp://10.0.0.1:2375"), "DOCKER_HOST"),
            ("docker+ssh://host/x", None, "a path"),
            ("dokcer://", None, "did you mean `docker:`?"),
            ("https://u:hunter2@example.com", None, "a source is a directory"),
            ("firewall:", None, "no file"),
            ("certificates:", None, "no folder"),
        ] {
            let error = Source::parse(text, docker_host).unwrap_err();
            assert!(error.contains(says) && !error.contains("hunter2"), "{text}: {error}");
        }
    }
}
